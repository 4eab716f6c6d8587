"""Sees modules being imported, and wraps the functions in them that decide whether telemetry arrives."""

from __future__ import annotations

import functools
import os
import sys

from . import channel

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any

watched: dict[str, object] = {}  # module → what to do when it has been imported
TRACING = ("opentelemetry", "aws_xray_sdk", "rollbar", "watchtower")
home: list[str] = []
DEPTH = 4  # a provider has a processor that has the processors
is_late = False  # what is reported was there before the probe
# Code that is not the service's own.
FOREIGN = ("site-packages", "dist-packages", "<frozen", "<string", os.path.dirname(os.__file__) + os.sep)


class Finder:
    """In front of all others: it asks them, and wraps the loader's instance that they found."""

    def find_spec(self, name: Any, path: Any = None, target: Any = None) -> Any:
        if name not in watched and not name.startswith(TRACING):
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None and finder is not self else None
            if spec is not None:
                if name in watched:
                    after_import(spec.loader, watched[name])
                return spec
        if where := place(direct=True):
            channel.report("import-failed", module=name, place=where)
        return None


def after_import(loader: Any, seen: Any) -> Any:
    execute = getattr(loader, "exec_module", None)
    if execute is None or isinstance(loader, type):
        return

    def exec_module(module: Any) -> Any:
        execute(module)
        quietly(seen, module)

    loader.exec_module = exec_module


def install() -> None:
    """A module that is there already is wrapped at once."""
    for name, seen in list(watched.items()):
        if name in sys.modules:
            quietly(seen, sys.modules[name])
    sys.meta_path.insert(0, Finder())


def quietly(seen: Any, *arguments: Any) -> Any:
    """What the probe does wrong is reported, and is no error of the service."""
    try:
        return seen(*arguments)
    except Exception as failure:  # noqa: BLE001
        channel.report("probe-failed", what=getattr(seen, "__name__", "?"), why=repr(failure))
        return None


def after(owner: Any, name: Any, seen: Any) -> Any:
    """`seen(arguments, keywords, result, error)` when the function has returned or raised."""
    original = getattr(owner, name, None)
    if original is None or getattr(original, "__threemaps__", False):
        return

    @functools.wraps(original)
    def wrapper(*arguments: Any, **keywords: Any) -> Any:
        try:
            result = original(*arguments, **keywords)
        except BaseException as error:
            quietly(seen, arguments, keywords, None, error)
            raise
        quietly(seen, arguments, keywords, result, None)
        return result

    wrapper.__threemaps__ = True  # type: ignore[attr-defined]
    setattr(owner, name, wrapper)


def with_first(function: Any, *first: Any) -> Any:
    def call(*rest: Any) -> Any:
        return function(*first, *rest)

    return call


def below(thing: Any, wanted: Any) -> Any:
    """What `thing` refers to, through whatever holds it but code, and `wanted(one)` is true of."""
    import gc
    import types

    code = (type, types.FunctionType, types.ModuleType, types.BuiltinFunctionType)
    seen, level = {id(thing)}, [thing]
    for _ in range(DEPTH):
        level = [one for one in gc.get_referents(*level) if id(one) not in seen and not isinstance(one, code)]
        seen.update(map(id, level))
        yield from {id(one): one for one in level if wanted(one)}.values()


def is_own(file: str) -> bool:
    return not any(one in file for one in FOREIGN) and not file.startswith(home[0])


def place(direct: bool = False) -> dict[str, object] | None:
    """The line of the service's own code that led here; with `direct` only if no library stands between."""
    frame = None if is_late else sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if is_own(file):
            return {"file": os.path.abspath(file), "line": frame.f_lineno, "function": frame.f_code.co_name}
        if direct and "<frozen" not in file and not file.startswith(home[0]):
            return None
        frame = frame.f_back
    return None


def bound(function: Any, arguments: Any, keywords: Any) -> Any:
    """The arguments by their names."""
    import inspect

    try:
        return dict(inspect.signature(function).bind_partial(*arguments, **keywords).arguments)
    except (TypeError, ValueError):
        return dict(keywords)
