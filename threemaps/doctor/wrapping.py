"""What stands around the program in a command: shells, launchers of launchers, and variables of its own."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

from threemaps.errors import UserError

RUNNERS = {"uv", "poetry", "pipenv", "pdm", "hatch"}  # `uv run python app.py`
# What runs a program in its own place → its options that have a value.
WRAPPERS = {
    "env": "uCS",
    "exec": "a",
    "nohup": "",
    "time": "fo",
    "timeout": "ks",
    "nice": "n",
    "ionice": "cnp",
    "stdbuf": "ioe",
    "setsid": "",
}
LONG_OPTIONS = {
    "ignore-environment": "i",
    "unset": "u",
    "chdir": "C",
    "split-string": "S",
    "kill-after": "k",
    "signal": "s",
    "adjustment": "n",
    "class": "c",
    "classdata": "n",
    "input": "i",
    "output": "o",
    "error": "e",
    "format": "f",
}
SHELLS = {"sh", "bash", "dash"}
ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
# Quoted pieces, which may hold anything; or what ends a command.
PIECE = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.|(&&|\|\||;|\n)|.", re.DOTALL)
PYTHON_FLAGS = {
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "OTEL_PYTHON_DISTRO",
    "OTEL_PYTHON_CONFIGURATOR",
    "OTEL_PYTHON_ID_GENERATOR",
    "OTEL_PYTHON_TRACER_PROVIDER",
    "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED",
}


def unwrap(words: list[str], variables: dict[str, str]) -> list[str]:
    """Takes off what stands before the program: `env A=1`, `exec`, `uv run`, `timeout 5`, `sh -c '…'`."""
    while words:
        name = Path(words[0]).name
        if assignment := ASSIGNMENT.fullmatch(words[0]):
            variables[assignment[1]] = assignment[2]
            words = words[1:]
        elif name in WRAPPERS:
            options, words = take_options(words[1:], WRAPPERS[name])
            words = words[1:] if name == "timeout" else words
            words = changed(options, words, variables) if name == "env" else words
        elif name in RUNNERS and words[1:2] == ["run"]:
            words = words[2:]
        elif name in SHELLS and words[1:2] in (["-c"], ["-lc"], ["-ec"]) and len(words) > 2:
            words = split(last_command(words[2]))
        else:
            return words
    return words


def take_options(words: list[str], valued: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The options before the program, each by its letter, and the rest; letters in `valued` have a value."""
    options: list[tuple[str, str]] = []
    while words and words[0].startswith("-"):
        word, words = words[0], words[1:]
        if word == "--":
            break
        if word.startswith("--"):
            name, separator, value = word[2:].partition("=")
            letter = LONG_OPTIONS.get(name, name)
            takes_next = letter in valued and not separator
        else:
            # A letter with a value ends a cluster: -iu NAME.
            place = next((place for place, one in enumerate(word[1:], 1) if one in valued), len(word) - 1)
            options += [(one, "") for one in word[1:place]]
            letter, value = word[place], word[place + 1 :]
            takes_next = letter in valued and not value
        if takes_next:
            value, words = (words or [""])[0], words[1:]
        options.append((letter, value))
    return options, words


def changed(options: list[tuple[str, str]], words: list[str], variables: dict[str, str]) -> list[str]:
    """What `env` takes away, and the words that it takes apart itself."""
    for letter, value in options:
        if letter in {"i", "-"}:
            variables.clear()
        elif letter == "u":
            variables.pop(value, None)
        elif letter == "C":
            hint = f"cd {shlex.quote(value)}, then the command without it"
            raise UserError("`env -C` goes to another folder, which the doctor does not follow", hint=hint)
        elif letter == "S":
            words = [*split(value), *words]
    return words


def last_command(script: str) -> str:
    """Of several commands in a shell's script the last one is the service."""
    ends = [0, *(piece.end() for piece in PIECE.finditer(script) if piece[1]), len(script)]
    commands = [script[start:end].strip("&|; \n") for start, end in pairwise(ends)]
    return next((command for command in reversed(commands) if command), "")


def split(script: str) -> list[str]:
    try:
        return shlex.split(script)
    except ValueError as error:
        message = f"no shell can run this command: {str(error).lower()}"
        raise UserError(message, hint="threemaps doctor -- python app.py") from None


def take_flags(words: list[str], variables: dict[str, str]) -> list[str]:
    """The launcher's own flags are OTEL_ variables in other clothes: --service_name x."""
    while words and words[0].startswith("--"):
        flag, separator, value = words[0][2:].partition("=")
        if not separator:
            value = words[1] if len(words) > 1 else ""
            words = words[1:]
        prefix = "OTEL_PYTHON_" if f"OTEL_PYTHON_{flag.upper()}" in PYTHON_FLAGS else "OTEL_"
        variables[prefix + flag.upper()] = value
        words = words[1:]
    return words
