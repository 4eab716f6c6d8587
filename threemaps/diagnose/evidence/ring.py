"""Gateways, seen from the log streams that their map events are in: one stream a run of a collector.

Streams that follow one another are one collector and its restarts. Streams that go on side by side are
gateways, and one that begins or ends while the others go on is a gateway that came or went. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

# A gateway may have nothing to write for a moment; this many flushes of each other one are no chance.
ENOUGH = 10


@dataclass(frozen=True, slots=True)
class Ring:
    began: Mapping[str, datetime]  # streams whose first event is well inside the window
    ended: Mapping[str, datetime]

    @property
    def changed(self) -> bool:
        return bool(self.began or self.ended)


def ring_of(flushes: Mapping[str, Sequence[int]]) -> Ring | None:
    """From each stream's moments, in milliseconds and in order. Nothing where no two go on side by side."""
    held = {name: sorted(set(moments)) for name, moments in flushes.items() if moments}
    if not any(
        side_by_side(one, other) for one in held.values() for other in held.values() if one is not other
    ):
        return None
    needed = ENOUGH * len(held)
    return Ring(
        {name: moment(own[0]) for name, own in held.items() if before(own[0], name, held) >= needed},
        {name: moment(own[-1]) for name, own in held.items() if after(own[-1], name, held) >= needed},
    )


def side_by_side(one: Sequence[int], other: Sequence[int]) -> bool:
    """A restarted collector repeats at most a batch of the run before it."""
    start, end = max(one[0], other[0]), min(one[-1], other[-1])
    return all(bisect_right(own, end) - bisect_left(own, start) >= ENOUGH for own in (one, other))


def before(limit: int, name: str, held: Mapping[str, Sequence[int]]) -> int:
    return sum(bisect_left(own, limit) for other, own in held.items() if other != name)


def after(limit: int, name: str, held: Mapping[str, Sequence[int]]) -> int:
    return sum(len(own) - bisect_right(own, limit) for other, own in held.items() if other != name)


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
