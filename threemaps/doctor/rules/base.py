"""What a rule is: a code, a link of the chain, why nothing arrives, and a look at the facts."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from threemaps.doctor.facts import Facts
from threemaps.doctor.parts import Place


@dataclass(frozen=True, slots=True)
class Edit:
    """A line to write: in place of a line of `file`, before it, or after it. Empty text takes it away."""

    file: Path
    line: int
    how: str  # replace, before, after
    text: str

    def __str__(self) -> str:
        where = f"{self.file.name}, line {self.line}"
        text = " ⏎ ".join(self.text.strip("\n").splitlines())
        if not text:
            return f"remove from {where}"
        return f"{'write' if self.how == 'replace' else f'write {self.how}'} {where}: {text.strip()}"

    @classmethod
    def at(cls, place: Place, how: str, text: str) -> "Edit":
        """With the indentation that the place has."""
        indent = place.text[: len(place.text) - len(place.text.lstrip())]
        lines = "\n".join(f"{indent}{line}" if line else "" for line in text.splitlines())
        return cls(place.file, place.line, how, lines)

    def as_json(self) -> dict[str, object]:
        return {"file": str(self.file), "line": self.line, "how": self.how, "text": self.text}

    def apply(self) -> None:
        lines = self.file.read_text(encoding="utf-8").splitlines()
        start = self.line - 1 if self.how != "after" else self.line
        lines[start : start + (self.how == "replace")] = self.text.splitlines()
        self.file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Found:
    """What is seen, and the line that mends it: to type, or to write."""

    seen: str
    type: str = ""
    write: Edit | None = None

    @property
    def next_step(self) -> str:
        if self.type and self.write:
            return f"{self.write}; then {self.type}"
        return self.type or str(self.write or "")


@dataclass(frozen=True, slots=True)
class State:
    """Whether a link holds; None where it could not be looked at, with the reason as its detail."""

    holds: bool | None
    detail: str


Look = Callable[[Facts], Found | None]


@dataclass(frozen=True, slots=True)
class Rule:
    code: str
    name: str
    why: str
    find: Look

    @property
    def docs(self) -> str:
        return f"docs/doctor.md#{self.code.lower()}"


BY_LOOK: dict[Look, Rule] = {}


@dataclass(slots=True)
class Link:
    """One part of the chain: does it hold, and if not, which rule says why.

    `code` is that of the bare fact, where no rule explains it. `notes` are looked at where the link holds.
    """

    name: str
    title: str
    code: str
    otherwise: str  # what to type where no rule knows better; {command} is the service's
    state: Callable[[Facts], State]
    rules: list[Rule] = field(default_factory=list)
    notes: list[Rule] = field(default_factory=list)

    def rule(self, code: str, name: str, why: str) -> Callable[[Look], Look]:
        """Rules are tried in the order in which they stand in the code."""

        def add(find: Look) -> Look:
            self.rules.append(BY_LOOK.setdefault(find, Rule(code, name, why, find)))
            return find

        return add

    def also(self, *looks: Look) -> None:
        """Rules that other links have, too, and that explain this one as well."""
        self.rules += [BY_LOOK[look] for look in looks]

    def note(self, code: str, name: str, why: str) -> Callable[[Look], Look]:
        """Something that does not break the link, and that the reader wants to know."""

        def add(find: Look) -> Look:
            self.notes.append(Rule(code, name, why, find))
            return find

        return add

    def causes(self, facts: Facts) -> Iterator[tuple[Rule, Found]]:
        for rule in self.rules:
            if found := rule.find(facts):
                yield rule, found


def link(name: str, title: str, code: str, otherwise: str) -> Callable[[Callable[[Facts], State]], Link]:
    """Makes a link of the function that says whether it holds."""

    def make(state: Callable[[Facts], State]) -> Link:
        return Link(name, title, code, otherwise, state)

    return make


def pip_install(facts: Facts, *packages: str) -> str:
    return f"{facts.inside.pip} {shlex.join(packages)}"
