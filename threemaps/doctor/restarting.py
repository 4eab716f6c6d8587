"""Somebody else's service: does what traces it survive the way the program is restarted and forked?"""

import ast
import re
import shlex

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.files import text_of
from threemaps.doctor.launching import LINK, set_up_by_hand
from threemaps.doctor.packages import Packages
from threemaps.doctor.source import literal
from threemaps.doctor.subject import Subject

TRUE = {"1", "true", "yes", "on", "t", "y"}


def check_reloader(subject: Subject) -> Check:
    """The reloader runs the program in a child process and throws that away at each change."""
    found = find_reloader(subject)
    if not found or not (subject.launched or set_up_by_hand(subject)):
        return good(LINK, "reloader", "no reloader")
    where, step = found
    version = subject.packages.version("opentelemetry-instrumentation")
    detail = f"{where} starts the reloader, and the service runs in a child of the process that is traced"
    if subject.launched and not rearms_children(subject.packages):
        detail += f": opentelemetry-instrumentation {version} does not follow it there"
    return broken(LINK, "reloader", detail, step)


def find_reloader(subject: Subject) -> tuple[str, str] | None:
    """What turns a reloader on, and what to type to have it off."""
    argv = list(subject.argv)
    debug = subject.get("FLASK_DEBUG").lower() in TRUE
    if subject.program == "flask" and "run" in argv and "--no-reload" not in argv:
        flags = [word for word in argv if word in {"--debug", "--reload"}]
        if flags or debug:
            off = subject.command_with(subject.inline, [*argv, "--no-reload"])
            return flags[0] if flags else "FLASK_DEBUG", off
    if subject.program in {"gunicorn", "uvicorn", "fastapi"} and "--reload" in argv:
        return "--reload", subject.command_with(subject.inline, [word for word in argv if word != "--reload"])
    if "runserver" in argv and "--noreload" not in argv:
        return "runserver", subject.command_with(subject.inline, [*argv, "--noreload"])
    return find_run_call(subject, debug) if subject.program.startswith("python") else None


def find_run_call(subject: Subject, debug: bool) -> tuple[str, str] | None:
    """`app.run(debug=True)` in the script itself."""
    for source in subject.sources[:1]:
        for place, call in source.find("run"):
            wanted, reload = literal(call, "debug"), literal(call, "use_reloader")
            is_app = isinstance(call.func, ast.Attribute) and "flask" in source.names
            if (
                is_app
                and reload is not False
                and (wanted is True or reload is True or (wanted is None and debug))
            ):
                file = shlex.quote(str(source.path.relative_to(subject.folder)))
                if wanted is None and reload is None:
                    return f"FLASK_DEBUG with {place}", subject.setting("FLASK_DEBUG", "0")
                swap = (
                    "use_reloader=True/use_reloader=False"
                    if reload
                    else "debug=True/debug=True, use_reloader=False"
                )
                return place, f"sed -i 's/{swap}/' {file}"
    return None


def rearms_children(packages: Packages) -> bool:
    """From 0.63b0 on the launcher's hook follows into processes that the service starts."""
    file = packages.file("opentelemetry/instrumentation/auto_instrumentation/__init__.py")
    return file is not None and "auto_instrumentation_path_was_present" in file.read_text(encoding="utf-8")


def check_preload(subject: Subject) -> Check:
    """With --preload the app lives in the master and its exporting threads stay there when workers fork."""
    detail = "{} loads the app before the workers fork; the threads that send its spans do not fork with it"
    if subject.program != "gunicorn":
        return good(LINK, "preload", "no gunicorn")
    if "--preload" in subject.argv:
        step = subject.command_with(subject.inline, [word for word in subject.argv if word != "--preload"])
        return broken(LINK, "preload", detail.format("--preload"), step)
    arguments = subject.get("GUNICORN_CMD_ARGS")
    if "--preload" in arguments:
        step = subject.setting("GUNICORN_CMD_ARGS", arguments.replace("--preload", "").strip())
        return broken(LINK, "preload", detail.format("GUNICORN_CMD_ARGS"), step)
    file = subject.folder / "gunicorn.conf.py"
    if file.is_file() and re.search(r"^\s*preload_app\s*=\s*True", text_of(file), re.MULTILINE):
        step = f"sed -i 's/preload_app *= *True/preload_app = False/' {shlex.quote(str(file))}"
        return broken(LINK, "preload", detail.format("gunicorn.conf.py"), step)
    return good(LINK, "preload", "the app is loaded in the workers")
