"""The lines that mend things: a variable is changed where it was set, code is written where it belongs."""

import ast
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from threemaps.doctor.facts import Facts, Place
from threemaps.doctor.files import text_of
from threemaps.doctor.rules.base import Edit, Found
from threemaps.doctor.subject import LAUNCHER
from threemaps.doctor.wrapping import ASSIGNMENT
from threemaps.settings import read_dotenv

SCRIPTS = ("Makefile", "makefile", "Procfile", ".env", ".flaskenv", "*.sh")
MOST_FILES = 200


def variable(facts: Facts, seen: str, name: str, value: str, typed: str = "") -> Found:
    """What is seen, and how `name` gets this value; an empty one unsets it.

    It is changed where it was set: outside, in the command, or in a script or the code on the way.
    """
    subject = facts.subject
    is_inner = name not in subject.environ and bool(facts.inside.environ.get(name))
    if is_inner and (place := where_set(facts, name)):
        return Found(f"{seen} ({place})", write=rewritten(place, name, value))
    if value and not facts.inside.environ.get(name) and name in read_dotenv(facts.inside.folder / ".env"):
        return Found(
            f"{seen}: {name} stands in .env, which nobody loads in time", type="set -a; . ./.env; set +a"
        )
    return Found(seen, type=subject.setting(name, value, typed=typed))


def where_set(facts: Facts, name: str) -> Place | None:
    """The line of a script or of the service's code that names it. Read only to say where."""
    pattern = re.compile(rf"\b{re.escape(name)}\b")
    for file in files_beside(facts):
        for number, line in enumerate(text_of(file).splitlines(), start=1):
            if pattern.search(line) and not line.lstrip().startswith("#"):
                return Place(file, number)
    return None


def files_beside(facts: Facts) -> Iterator[Path]:
    folders = dict.fromkeys((facts.subject.folder, facts.inside.folder))
    for folder in folders:
        named = (folder / word for word in facts.subject.argv[1:] if not word.startswith("-"))
        yield from (file for file in named if file.is_file())
        for pattern in SCRIPTS:
            yield from sorted(folder.glob(pattern))
    for folder in folders:
        yield from sources(folder)


def sources(folder: Path) -> list[Path]:
    """The service's own code: what lies beside it in an environment is not."""
    found = (file for file in sorted(folder.rglob("*.py")) if "site-packages" not in file.parts)
    return [file for _, file in zip(range(MOST_FILES), found, strict=False)]


def rewritten(place: Place, name: str, value: str) -> Edit:
    """The same line with another value, or without the variable."""
    line = place.text
    if place.file.suffix == ".py":
        text = line if value else f"{line[: len(line) - len(line.lstrip())]}pass  # {name} is not set"
        return Edit(
            place.file, place.line, "replace", re.sub(r"(=|,)\s*[\"'][^\"']*[\"']", rf"\1 {value!r}", text)
        )
    new = f"{name}={shlex.quote(value)}" if value else ""
    text = re.sub(
        rf"(export\s+)?\b{re.escape(name)}=(\"[^\"]*\"|'[^']*'|\S*)\s*",
        lambda found: f"{found[1] or ''}{new} " if new else "",
        line,
    )
    return Edit(place.file, place.line, "replace", text.rstrip())


def behind_launcher(facts: Facts) -> str:
    """The command as typed, the launcher where it has to stand."""
    words = list(facts.subject.typed)
    start = 0
    while start < len(words) and ASSIGNMENT.fullmatch(words[start]):
        start += 1
    if (
        words[start + 1 : start + 2] == ["run"]
        and len(words) > start + 2
        and not words[start + 2].startswith("-")
    ):
        start += 2
    return facts.subject.shown([*words[:start], launcher(facts), *words[start:]])


def launcher(facts: Facts) -> str:
    """By its name where that finds it, else the one beside the interpreter."""
    inside = facts.inside
    if shutil.which(LAUNCHER, path=facts.subject.get("PATH")) or inside.interpreter is None:
        return LAUNCHER
    near = inside.interpreter.parent / LAUNCHER
    return str(near) if near.is_file() else LAUNCHER


def name_assigned(place: Place) -> str:
    """`provider` in `provider = TracerProvider()`; empty where the line assigns nothing."""
    found = re.match(r"\s*(\w+)\s*(?::[^=]+)?=(?!=)", place.text)
    return found[1] if found else ""


def end_of(place: Place) -> Place:
    """The last line of the statement that stands there."""
    try:
        tree = ast.parse(place.file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return place
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt)
        and not hasattr(node, "body")
        and node.lineno <= place.line <= (node.end_lineno or node.lineno)
    ]
    return Place(place.file, max((node.end_lineno or node.lineno) for node in around)) if around else place


def after(place: Place, text: str) -> Edit:
    """Behind the whole statement, as deep as it begins."""
    end = end_of(place)
    edit = Edit.at(place, "after", text)
    return Edit(end.file, end.line, "after", edit.text)


def has_name(place: Place, name: str) -> bool:
    """Whether the file already knows this name."""
    return re.search(rf"\b{re.escape(name)}\b", text_of(place.file)) is not None


def with_import(place: Place, module: str, name: str, text: str) -> str:
    """The text, with the import before it where the file lacks it."""
    return text if has_name(place, name) else f"from {module} import {name}\n{text}"
