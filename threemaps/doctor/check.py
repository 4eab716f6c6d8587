"""One link of the chain: it holds, it is broken and something is to be typed, or it could not be seen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from threemaps.doctor.discretion import without_logins

Patient = TypeVar("Patient")


@dataclass(frozen=True, slots=True)
class Check:
    """`link` is the part of the chain, `name` what was looked at, `next_step` the line that mends it.

    One that holds and has a next step all the same is a note. `looked` is false where nothing could be seen:
    such a link is no broken one, and no good one either. `code`, `why`, `docs` come with a service's checks.
    """

    link: str
    name: str
    ok: bool
    detail: str
    next_step: str = ""
    looked: bool = True
    code: str = ""
    why: str = ""
    docs: str = ""
    edit: Mapping[str, object] | None = (
        None  # the line to write: file, line, how (replace, before, after), text
    )


def good(link: str, name: str, detail: str) -> Check:
    return Check(link, name, True, without_logins(detail))


def broken(link: str, name: str, detail: str, next_step: str, code: str = "") -> Check:
    docs = f"docs/doctor.md#{code.lower()}" if code else ""
    return Check(link, name, False, without_logins(detail), without_logins(next_step), code=code, docs=docs)


def noted(link: str, name: str, detail: str, next_step: str) -> Check:
    return Check(link, name, True, without_logins(detail), without_logins(next_step))


def unseen(link: str, name: str, detail: str) -> Check:
    return Check(link, name, True, without_logins(detail), looked=False)


def until_broken(checks: Iterable[Callable[[Patient], Check]], patient: Patient) -> list[Check]:
    """Runs the checks in their order. What comes after a broken link would only repeat its symptoms."""
    results: list[Check] = []
    for check in checks:
        results.append(check(patient))
        if not results[-1].ok:
            break
    return results


def as_json(checks: Sequence[Check]) -> dict[str, object]:
    """The first broken link, what could not be looked at, and every link."""
    first = next((check for check in checks if not check.ok), None)
    return {
        "ok": first is None,
        "broken": asdict(first) if first else None,
        "not_looked_at": [check.detail for check in checks if not check.looked],
        "checks": [asdict(check) for check in checks],
    }
