"""What /proc shows of a running process, and what of it is not what it seems."""

import re
from pathlib import Path

from threemaps.errors import UserError

PROCESSES = "ps aux | grep python"
PYTHON = re.compile(r"(python|pypy)[0-9.]*")


def refuse_what_runs_nothing(process: Path) -> None:
    """Without memory of its own it is a thread of the kernel's, or a process that has ended."""
    try:
        status = process.joinpath("status").read_text(errors="replace")
    except OSError:
        return  # what cannot be read is named where it is needed
    if re.search(r"^State:\s*[ZX]", status, re.MULTILINE):
        message = f"process {process.name} has ended: only its parent has not taken note (a zombie)"
        raise UserError(message, hint=PROCESSES)
    if not re.search(r"^VmSize:", status, re.MULTILINE):
        raise UserError(f"process {process.name} is a thread of the kernel", hint=PROCESSES)


def environ_in(variables: bytes, pid: int) -> dict[str, str]:
    """Its variables, unless setproctitle wrote over them."""
    pairs = (pair.partition("=") for pair in variables.decode(errors="replace").split("\0"))
    environ = {name: value for name, equals, value in pairs if equals and re.fullmatch(r"\S+", name)}
    if variables and not environ:
        message = f"process {pid} has its title where its environment was (setproctitle), so that is lost"
        raise UserError(message, hint="start it with SPT_NOENV=1, or: threemaps doctor -- COMMAND")
    return environ


def original_words(words: list[str]) -> tuple[list[str], bool]:
    """gunicorn writes a title where its command was: `gunicorn: worker [app:app]`, or less."""
    title = re.match(r"(gunicorn): (?:master|worker) \[([^\]]*)", " ".join(words))
    return [word for word in title.groups() if word] if title else words, title is not None


def running_interpreter(process: Path) -> Path | None:
    """The Python that runs, whatever it calls itself. What it loaded shows its virtual environment."""
    try:
        program = process.joinpath("exe").readlink()
        loaded = process.joinpath("maps").read_text(errors="replace")
    except OSError:
        return None
    if not PYTHON.fullmatch(program.name):
        return None
    for prefix in dict.fromkeys(re.findall(r"(/.*)/lib/python3[0-9.]*/site-packages/", loaded)):
        if (own := Path(prefix) / "bin" / "python").exists():
            return own
    return program


def same_root(process: Path) -> bool:
    """False for a process in a container, whose paths mean nothing out here."""
    try:
        return process.joinpath("root").stat().st_ino == Path("/").stat().st_ino
    except OSError:
        return True
