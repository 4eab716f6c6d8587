"""One link of the chain, looked at: what holds, or what is broken and what to type next."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from threemaps.doctor.discretion import without_logins

Patient = TypeVar("Patient")


@dataclass(frozen=True, slots=True)
class Check:
    """`link` is the part of the chain, `name` what was looked at, `next_step` the command that mends it.

    One that holds and has a next step all the same is a note: something was lost there before.
    """

    link: str
    name: str
    ok: bool
    detail: str
    next_step: str = ""


def good(link: str, name: str, detail: str) -> Check:
    return Check(link, name, True, without_logins(detail))


def broken(link: str, name: str, detail: str, next_step: str) -> Check:
    return Check(link, name, False, without_logins(detail), without_logins(next_step))


def noted(link: str, name: str, detail: str, next_step: str) -> Check:
    return Check(link, name, True, detail, next_step)


def until_broken(checks: Iterable[Callable[[Patient], Check]], patient: Patient) -> list[Check]:
    """Runs the checks in their order. What comes after a broken link would only repeat its symptoms."""
    results: list[Check] = []
    for check in checks:
        results.append(check(patient))
        if not results[-1].ok:
            break
    return results
