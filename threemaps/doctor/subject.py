"""Somebody else's service: the command, environment, folder and interpreter it runs with."""

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from threemaps.doctor.discretion import HIDDEN, is_secret, shown, without_logins
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
from threemaps.doctor.wrapping import take_flags, unwrap
from threemaps.errors import UserError

LAUNCHER = "opentelemetry-instrument"
PROC = Path("/proc")
HOOK = "opentelemetry/instrumentation/auto_instrumentation"  # what the launcher puts in front of PYTHONPATH
MOST_REMOVED = 5  # variables taken away one by one; more of them are `env -i`


@dataclass(frozen=True)
class Subject:
    """`argv` is the command without its launcher; `launched` says that there was one."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    folder: Path
    launched: bool
    interpreter: Path | None
    root: Path = Path("/")  # another one when the process lives in a container
    pid: int | None = None
    launcher: Path | None = None
    inline: Mapping[str, str] = field(default_factory=dict)  # variables set by the command line itself
    removed: tuple[str, ...] = ()  # and those that it takes away; ("*",) for all
    typed: tuple[str, ...] = ()  # the command's words, wrappers and all
    python_path: tuple[str, ...] = ()  # where its modules come from, if it was asked

    @cached_property
    def packages(self) -> Packages:
        if self.python_path:
            return read_packages([self.folder / one for one in self.python_path])
        if self.root != Path("/") or self.interpreter is None:
            return of_root(self.root)
        return of_interpreter(self.interpreter, self.environ, self.folder)

    @property
    def program(self) -> str:
        """What runs: the script's name, or the module's in `python -m flask`."""
        name = Path(self.argv[0]).name if self.argv else ""
        is_module = name.startswith("python") and self.argv[1:2] == ("-m",) and len(self.argv) > 2
        return self.argv[2] if is_module else name

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
        return self.command_with(self.inline)

    def command_with(self, inline: Mapping[str, str], argv: Sequence[str] = ()) -> str:
        """The command again, other variables or words in it."""
        words = ["env", "-i"] if self.removed == ("*",) else ["env"] if self.removed else []
        words += [f"-u {name}" for name in self.removed if name != "*"]
        words += [
            f"{name}={HIDDEN if is_secret(name) and not is_to_be_filled_in(value) else shlex.quote(value)}"
            for name, value in inline.items()
        ]
        words += [LAUNCHER] if self.launched else []
        return without_logins(" ".join([*words, shlex.join(shown(argv or self.argv))]))

    def shown(self, words: Sequence[str]) -> str:
        """Words of a command as they may be repeated."""
        return without_logins(shlex.join(shown(words)))

    def setting(self, name: str, value: str, *, typed: str = "") -> str:
        """What to type for this variable to have this value; an empty value unsets it.

        `typed` says the same without the value, where that may be a secret.
        """
        if name in self.inline or name in self.removed or self.removed == ("*",):
            inline = {**self.inline, name: value}
            return self.command_with({name: value for name, value in inline.items() if value})
        if typed:
            return typed
        return f"export {name}={shlex.quote(value)}" if value else f"unset {name}"


def is_to_be_filled_in(value: str) -> bool:
    return "YOUR_" in value


def from_command(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> Subject:
    """What `command` would run with, were it typed in `folder`."""
    variables = dict(environ)
    words = unwrap(list(command), variables)
    launched, launcher = False, None
    if words and Path(words[0]).name == LAUNCHER:
        launched, launcher = True, find_program(words[0], variables, folder)
        words = unwrap(take_flags(words[1:], variables), variables)
    if not words:
        said = shlex.join(shown(command))
        raise UserError(f"{said!r} names no program", hint="threemaps doctor -- python app.py")
    launched = launched or is_hooked(variables)
    interpreter = find_interpreter(words, variables, folder)
    inline = {name: value for name, value in variables.items() if environ.get(name) != value}
    removed = tuple(name for name in environ if name not in variables)
    if len(removed) > MOST_REMOVED:
        inline, removed = variables, ("*",)
    return Subject(
        tuple(words),
        variables,
        folder,
        launched,
        interpreter,
        launcher=launcher,
        inline=inline,
        removed=removed,
        typed=tuple(command),
    )


def from_process(pid: int) -> Subject:
    """A running process, as /proc shows it."""
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
    words = [word.decode(errors="replace") for word in argv]
    environ = environ_in(variables, pid)
    words, is_titled = original_words(words)
    outside = not same_root(process)
    if outside:
        root = process / "root"
        folder = root / str(folder).lstrip("/")
    interpreter = find_interpreter(words, environ, folder) if words and not is_titled else None
    if interpreter is None and not outside:
        interpreter = running_interpreter(process)
    launched = is_hooked(environ)
    return Subject(tuple(words), environ, folder, launched, interpreter, root if outside else Path("/"), pid)


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
