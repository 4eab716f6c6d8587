"""Somebody else's service: the command as typed, and the variables, folder and interpreter it runs with."""

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from threemaps.doctor.discretion import shown, without_logins
from threemaps.doctor.packages import Packages, of_interpreter, of_root, read_packages
from threemaps.doctor.proc import (
    PROCESSES,
    PYTHON,
    environ_in,
    original_words,
    refuse_what_runs_nothing,
    running_interpreter,
    same_root,
)
from threemaps.errors import UserError

LAUNCHER = "opentelemetry-instrument"
PROC = Path("/proc")
HOOK = "opentelemetry/instrumentation/auto_instrumentation"  # what the launcher puts in front of PYTHONPATH
ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Subject:
    """`words` are the command as typed, wrappers and all; `environ` what it starts with, or has."""

    words: tuple[str, ...]
    environ: Mapping[str, str]
    folder: Path
    launched: bool
    interpreter: Path | None = None
    root: Path = Path("/")  # another one when the process lives in a container
    pid: int | None = None
    python_path: tuple[str, ...] = ()  # where its modules come from, if it was asked
    installed: Packages | None = None  # instead of asking

    @cached_property
    def packages(self) -> Packages:
        if self.installed is not None:
            return self.installed
        if self.python_path:
            return read_packages([self.folder / one for one in self.python_path])
        if self.root != Path("/") or self.interpreter is None:
            return of_root(self.root, self.environ)
        return of_interpreter(self.interpreter, self.environ, self.folder)

    @property
    def is_python(self) -> bool:
        return self.interpreter is not None

    @property
    def pip(self) -> str:
        """The command that installs into the interpreter of this service."""
        return f"{shlex.quote(str(self.interpreter or 'python'))} -m pip install"

    def get(self, *names: str) -> str:
        """The first of these variables that is set and not empty."""
        return next((self.environ[name] for name in names if self.environ.get(name)), "")

    @property
    def command(self) -> str:
        return self.shown(self.words)

    def shown(self, words: Sequence[str]) -> str:
        """Words of a command as they may be repeated. The shell takes no quoted `A=1` for an assignment."""
        hidden = list(shown(words))
        heads = [
            ASSIGNMENT.fullmatch(word) if before != "-c" else None for before, word in pairwise(["", *hidden])
        ]
        quoted = (
            f"{head[1]}={shlex.quote(head[2])}" if head else shlex.quote(word)
            for head, word in zip(heads, hidden, strict=True)
        )
        return without_logins(" ".join(quoted))

    def setting(self, name: str, value: str, *, typed: str = "") -> str:
        """What to type for this variable to have this value; an empty value unsets it.

        `typed` says the same without the value, where that may be a secret.
        """
        if (words := with_variable(self.words, name, value)) is not None:
            return self.shown(words)
        if typed:
            return typed
        return f"export {name}={shlex.quote(value)}" if value else f"unset {name}"


def with_variable(words: Sequence[str], name: str, value: str) -> list[str] | None:
    """The words with another value in them; None where the command itself says nothing of this variable."""
    changed = list(words)
    for index, word in enumerate(words):
        if flag_variable(word) == name:
            flag, equals, _ = word.partition("=")
            new = [f"{flag}={value}" if equals else flag, *([] if equals else [value])]
            changed[index : index + (1 if equals else 2)] = new if value else []
            return changed
        if anew := set_anew(word, name, value):
            changed[index : index + 1] = [one for one in anew if one]
            return changed
    place = after_env(words)
    if not value or not takes_away(words[:place], name):
        return None
    return [*words[:place], f"{name}={value}", *words[place:]]


def set_anew(word: str, name: str, value: str) -> list[str]:
    """A word that sets this variable, or a script in which a command does; nothing for all other words."""
    if word.startswith(f"{name}="):
        return [f"{name}={value}" if value else ""]
    pattern = rf"(?<![\w-]){name}=(\"[^\"]*\"|'[^']*'|\S*)\s*"
    new = f"{name}={shlex.quote(value)} " if value else ""
    return [re.sub(pattern, lambda _: new, word)] if re.search(pattern, word) else []


def flag_variable(word: str) -> str:
    """The launcher's own flags are OTEL_ variables in other clothes: --service_name x."""
    return f"OTEL_{word[2:].partition('=')[0].upper()}" if word.startswith("--") else ""


def takes_away(options: Sequence[str], name: str) -> bool:
    """`env -i` takes all variables away, `env -u NAME` this one."""
    said = " ".join(options)
    return (
        re.search(rf" (-i\w*|-|--ignore-environment|(-u|--unset)[ =]?{re.escape(name)})( |$)", said)
        is not None
    )


def after_env(words: Sequence[str]) -> int:
    """Where an assignment has to stand: behind the options of `env`; 0 without any `env`."""
    place = next((index + 1 for index, word in enumerate(words) if Path(word).name == "env"), 0)
    while 0 < place < len(words) and words[place].startswith("-"):
        place += 2 if re.fullmatch(r"-i*[uC]|--unset|--chdir", words[place]) else 1
    return place


def from_command(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> Subject:
    """The command as typed in `folder`. What it really runs with, a look inside shows."""
    if not any(not ASSIGNMENT.fullmatch(word) for word in command):
        said = shlex.join(shown(command))
        raise UserError(f"{said!r} names no program", hint="threemaps doctor -- python app.py")
    launched = any(LAUNCHER in word for word in command) or is_hooked(environ)
    named = (word for word in command if PYTHON.fullmatch(Path(word).name))
    interpreter = next((found for word in named if (found := find_program(word, environ, folder))), None)
    return Subject(tuple(command), environ, folder, launched, interpreter)


def from_process(pid: int) -> Subject:
    """A running process, as /proc shows it. Raises UserError where it cannot be looked at."""
    process = PROC / str(pid)
    refuse_what_runs_nothing(process)
    try:
        argv = process.joinpath("cmdline").read_bytes().split(b"\0")[:-1]
        variables = process.joinpath("environ").read_bytes()
        root = process.joinpath("root").readlink()
        folder = process.joinpath("cwd").readlink()
    except (FileNotFoundError, ProcessLookupError):
        raise UserError(f"no process has the id {pid}", hint=PROCESSES) from None
    except PermissionError:
        raise UserError(
            f"process {pid} belongs to somebody else", hint=f"sudo threemaps doctor --pid {pid}"
        ) from None
    environ = environ_in(variables, pid)
    words, is_titled = original_words([word.decode(errors="replace") for word in argv])
    outside = not same_root(process)
    if outside:
        root = process / "root"
        folder = root / str(folder).lstrip("/")
    interpreter = find_interpreter(words, environ, folder) if words and not is_titled else None
    if interpreter is None and not outside:
        interpreter = running_interpreter(process)
    place = root if outside else Path("/")
    return Subject(tuple(words), environ, folder, is_hooked(environ), interpreter, place, pid)


def is_hooked(environ: Mapping[str, str]) -> bool:
    return HOOK in environ.get("PYTHONPATH", "")


def find_program(name: str, environ: Mapping[str, str], folder: Path) -> Path | None:
    if "/" in name:
        path = (folder / name).absolute()
        return path if path.exists() else None
    found = shutil.which(name, path=environ.get("PATH", os.defpath))
    return Path(found) if found else None


def find_interpreter(words: Sequence[str], environ: Mapping[str, str], folder: Path) -> Path | None:
    """The Python that runs this command: named outright, or by the script's first line."""
    program = find_program(words[0], environ, folder)
    if PYTHON.fullmatch(Path(words[0]).name):
        return program
    if program is None:
        return None
    try:
        head = program.read_bytes()[:512].decode(errors="replace")
    except OSError:
        return None
    # The second form is what installers write when the path is too long for the kernel.
    match = re.match(r"#!\s*(?:/usr/bin/env\s+)?(\S*python[0-9.]*)", head) or re.search(
        r"'''exec' \"?([^\s\"]*python[0-9.]*)", head
    )
    return find_program(match[1], environ, folder) if match else None
