"""Other applications of the AWS account: Honeycomb holds no span of them, and nothing joins them to ours."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from threemaps.diagnose.asking import Asking, now
from threemaps.diagnose.case import Case, Check, Reason, at
from threemaps.diagnose.traces import rows, times_of
from threemaps.model.drawing import HONEYCOMB
from threemaps.model.servicemap import Kind, Node
from threemaps.readers.honeycomb import Honeycomb

SERVICE = "service.name"
MOST = 1_000


@dataclass(frozen=True, slots=True)
class OtherApplications:
    known: frozenset[str]  # services of which Honeycomb has spans
    moment: str
    joined: dict[Node, bool] = field(default_factory=dict)  # what was found out of a node: to one of these?

    def reason(self, case: Case) -> Reason | Check | None:
        if (
            case.diverging.backend != HONEYCOMB
            or not case.is_missing
            or case.index.is_empty(case.diverging.name)
        ):
            return None
        services = [end for end in case.ends if end.kind is Kind.SERVICE]
        if not services or any(self._is_ours(case, one) for one in services):
            return None
        return Reason(
            f"{services[-1]} is another application of the AWS account: Honeycomb has no span of it, and no "
            "call joins it to a service that Honeycomb knows",
            "leave it out with --service, or send its spans to Honeycomb as well",
            (f"Honeycomb was asked for spans of {', '.join(map(str, services))}: none ({self.moment})",),
            expected=True,
        )

    def _is_ours(self, case: Case, node: Node) -> bool:
        """All that calls join in AWS's maps is one application."""
        if node not in self.joined:
            names = [one.name for one in case.others]
            found, waiting = {node}, [node]
            while waiting:
                for edge in case.index.touching(waiting.pop(), names):
                    new = {end for end in edge.key if end.kind is Kind.SERVICE} - found
                    found |= new
                    waiting += new
            is_ours = any(one.name in self.known for one in found)
            self.joined.update(dict.fromkeys(found, is_ours))
        return self.joined[node]


def gather(asking: Asking) -> Iterator[OtherApplications]:
    honeycomb = asking.live.get(HONEYCOMB)
    lacking = any(HONEYCOMB in one.not_in for one in asking.differences)
    if isinstance(honeycomb, Honeycomb) and lacking and asking.services:
        known = asking.ask("which services Honeycomb knows", partial(services, asking, honeycomb))
        if known is not None:
            yield OtherApplications(known, at(now()))


def services(asking: Asking, honeycomb: Honeycomb) -> frozenset[str]:
    """Raises UnreadableError, or ValueError where there are more than one answer holds."""
    has_name = {"column": SERVICE, "op": "exists"}
    found = rows(honeycomb, [SERVICE], has_name, times_of(asking.window), MOST)
    if len(found) >= MOST:
        raise ValueError("not all services came")
    return frozenset(str(row[SERVICE]) for row in found)
