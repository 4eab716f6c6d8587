"""What a service's own code says about tracing: read, never run."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MOST_FILES = 400


@dataclass(frozen=True, slots=True)
class Source:
    """One file and the calls in it that decide whether spans are made and sent."""

    path: Path
    calls: tuple[tuple[str, ast.Call], ...]
    names: frozenset[str]  # modules imported

    def find(self, *wanted: str) -> Iterator[tuple[str, ast.Call]]:
        """Where one of these functions is called: `app.py:12` and the call."""
        for name, call in self.calls:
            if name in wanted:
                yield f"{self.path.name}:{call.lineno}", call


def read_sources(folder: Path, entries: Sequence[str]) -> tuple[Source, ...]:
    """The modules that the command starts with and what they import from the service's own folder."""
    waiting = [path for entry in entries if (path := find_module(folder, entry))]
    read: dict[Path, Source | None] = {}
    while waiting and len(read) < MOST_FILES:
        path = waiting.pop(0)
        if path in read:
            continue
        source = read[path] = read_source(path)
        if source is not None:
            modules = sorted(source.names)
            waiting += [found for name in modules for found in near(folder, path.parent, name)]
    return tuple(source for source in read.values() if source is not None)


def find_module(folder: Path, entry: str) -> Path | None:
    """`app.py`, `app`, `pkg.app`: the file it stands in, if that is the service's own."""
    stem = folder / (entry.removesuffix(".py").replace(".", "/") if not entry.endswith(".py") else entry[:-3])
    candidates = (stem.with_name(stem.name + ".py"), stem / "__init__.py", stem / "__main__.py")
    return next((path for path in candidates if path.is_file()), None)


def near(folder: Path, beside: Path, module: str) -> list[Path]:
    """A module may be named from the service's folder or from the importing file's own."""
    return [path for start in dict.fromkeys((folder, beside)) if (path := find_module(start, module))]


def read_source(path: Path) -> Source | None:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested too deeply
        return None
    calls = [
        (name, node) for node in ast.walk(tree) if isinstance(node, ast.Call) and (name := called(node.func))
    ]
    return Source(path, tuple(calls), frozenset(imported(tree)))


def called(function: ast.expr) -> str:
    """The last part of what is called: `trace.set_tracer_provider` → set_tracer_provider."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from [module, *(f"{module}.{alias.name}".lstrip(".") for alias in node.names)]


def literal(call: ast.Call, name: str) -> object:
    """The value of a keyword argument, where it stands there in so many words; else the expression."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value.value if isinstance(keyword.value, ast.Constant) else keyword.value
    return None
