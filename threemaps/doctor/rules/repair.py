"""The lines that mend things: a variable is changed where it was set, code is written where it belongs."""

import ast
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from threemaps.basics.variables import read_dotenv
from threemaps.doctor.facts import Facts
from threemaps.doctor.files import text_of
from threemaps.doctor.parts import Place
from threemaps.doctor.rules.base import Edit, Found
from threemaps.doctor.rules.syntax import calls_at, end_of, exchanged, keywords_at, nodes_in
from threemaps.doctor.subject import ASSIGNMENT, LAUNCHER, with_variable

SCRIPTS = ("Makefile", "makefile", "Procfile", ".env", ".flaskenv", "*.sh")
MOST_FILES = 200


def variable(facts: Facts, seen: str, name: str, value: str, typed: str = "") -> Found:
    """What is seen, and how `name` gets this value; an empty one unsets it.

    It is changed where it was set: outside, in the command, or in a script or the code on the way.
    """
    if facts.writes is not None:
        found: Found = facts.writes(seen, name, value)
        return found
    subject, now = facts.subject, facts.inside.environ.get(name, "")
    is_inner = now and now != subject.environ.get(name, "")
    if is_inner and not with_variable(subject.words, name, value) and (place := where_set(facts, name)):
        return Found(f"{seen} ({place})", write=rewritten(place, name, value))
    if value and not now and name in read_dotenv(facts.inside.folder / ".env"):
        seen = f"{seen}: {name} stands in .env, which nobody loads in time"
        return Found(seen, type="set -a; . ./.env; set +a")
    return Found(seen, type=subject.setting(name, value, typed=typed))


def renamed(facts: Facts, seen: str, name: str, right: str) -> Found:
    """A variable by its right name, where it was set."""
    subject = facts.subject
    if facts.writes is not None:
        found: Found = facts.writes(seen, name, facts.inside.get(name))
        edit = found.write
        return Found(seen, write=replace(edit, text=edit.text.replace(name, right))) if edit else found
    words = [re.sub(rf"(?<![\w-]){re.escape(name)}=", f"{right}=", word) for word in subject.words]
    if words != list(subject.words):
        return Found(seen, type=subject.shown(words))
    if name not in subject.environ and (place := where_set(facts, name)):
        text = place.text.replace(name, right)
        return Found(f"{seen} ({place})", write=Edit(place.file, place.line, "replace", text))
    return Found(seen, type=f'export {right}="${name}"; unset {name}')


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
        named = (folder / word for word in facts.subject.words if not word.startswith(("-", "/")))
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
    words = list(facts.subject.words)
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


def after(place: Place, text: str) -> Edit:
    """Behind the whole statement, as deep as it begins."""
    end = end_of(place)
    edit = Edit.at(place, "after", text)
    return Edit(end.file, end.line, "after", edit.text)


def has_name(place: Place, name: str) -> bool:
    """Whether the file already knows this name there."""
    before = "\n".join(text_of(place.file).splitlines()[: place.line])
    return re.search(rf"\b{re.escape(name)}\b", before) is not None


def with_import(place: Place, module: str, name: str, text: str) -> str:
    """The text, with the import before it where the file lacks it."""
    return text if has_name(place, name) else f"from {module} import {name}\n{text}"


def in_code(place: Place, seen: str, old: str, new: str, but: str = "\0") -> Found:
    """A text of the line that stands there, or of another line of its file, with another one in its place.

    A line with `but` in it is passed over.
    """
    lines = text_of(place.file).splitlines()
    for number in (place.line, *range(1, len(lines) + 1)):
        if old in lines[number - 1] and but not in lines[number - 1]:
            text = lines[number - 1].replace(old, new)
            return Found(seen, write=Edit(place.file, number, "replace", text))
    return Found(f"{seen}: write {new}", type=f"grep -rn {shlex.quote(old)} {place.file.parent}")


def opened(place: Place) -> str:
    """For what no line mends: where to look."""
    return f"${{EDITOR:-vi}} +{place.line} {shlex.quote(str(place.file))}"


def as_text(place: Place, function: str) -> Edit | None:
    """The last argument of this function's call there, made a text."""
    named = (one for one in calls_at(place) if ast.unparse(one.func).endswith(function) and one.args)
    value = next((one.args[-1] for one in named), None)
    return exchanged(place, value, f"str({ast.unparse(value)})") if value else None


def without_call(place: Place, name: str, kind: str) -> Edit | None:
    """What stands in the brackets of a call of `name`, where that makes something of this kind."""
    around = (one for one in calls_at(place) if ast.unparse(one.func) == name and len(one.args) == 1)
    inside = ((one, one.args[0]) for one in around)
    made = (
        (one, of) for one, of in inside if isinstance(of, ast.Call) and ast.unparse(of.func).endswith(kind)
    )
    return next((exchanged(place, one, ast.unparse(of)) for one, of in made), None)


def exporter_of(place: Place, seen: str, kind: str, url: str) -> Found:
    """The exporter that is made there, of the other protocol; its arguments that both have stay."""
    own, other = f"otlp.proto.{'grpc' if kind == 'http' else 'http'}", f"otlp.proto.{kind}"
    call = next((one for one in calls_at(place) if ast.unparse(one.func).endswith("OTLPSpanExporter")), None)
    named = call.keywords if call else []
    kept = [f"{one.arg}={ast.unparse(one.value)}" for one in named if one.arg in ("headers", "timeout")]
    made = f"OTLPSpanExporter({', '.join([*([f'endpoint={url!r}'] if url else []), *kept])})"
    edit = exchanged(place, call, made) if call else None
    if edit is None:
        return in_code(place, seen, own, other)
    imported = f"from opentelemetry.exporter.{other}.trace_exporter import OTLPSpanExporter"
    at = Place(place.file, edit.line)
    return Found(seen, write=Edit.at(at, "replace", f"{imported}\n{edit.text.lstrip()}"))


def without(facts: Facts, pattern: str, replacement: str) -> Edit | None:
    """The line of a script in which this stands, with the replacement in its place."""
    for file in files_beside(facts):
        for number, line in enumerate(text_of(file).splitlines(), start=1):
            if re.search(pattern, line):
                return Edit(file, number, "replace", re.sub(pattern, replacement, line))
    return None


def taken_away(place: Place) -> Edit:
    """Without the statement that stands there; a body may not be empty."""
    nodes = (node for node in nodes_in(place.file) if not isinstance(node, ast.Module))
    bodies = (getattr(node, "body", None) for node in nodes)
    is_alone = any(
        isinstance(body, list) and len(body) == 1 and body[0].lineno == place.line for body in bodies
    )
    return Edit.at(place, "replace", "pass" if is_alone else "")


def without_argument(place: Place, seen: str, name: str) -> Found:
    """The call that stands there, without this argument, whose value may have brackets in it."""
    keyword = keywords_at(place).get(name)
    if keyword is None or keyword.end_lineno != keyword.lineno:
        return Found(f"{seen}: take {name}=… out of that call", type=opened(place))
    line = text_of(place.file).splitlines()[keyword.lineno - 1].encode()
    before, after = line[: keyword.col_offset].decode(), line[keyword.end_col_offset :].decode()
    if not before.strip() and after.strip() in ("", ","):
        return Found(seen, write=Edit(place.file, keyword.lineno, "replace", ""))
    text = before + after[1:].lstrip() if after.startswith(",") else before.rstrip(", ") + after
    return Found(seen, write=Edit(place.file, keyword.lineno, "replace", text))
