"""A service map from the figures of Application Signals. Pure: no I/O, no clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from threemaps.model.servicemap import Edge, Node, ServiceMap
from threemaps.readers.metric_data import Figures

Ends = tuple[Node, Node]


@dataclass(frozen=True, slots=True)
class Received:
    """What the callers in the map made of calls to a service."""

    calls: int = 0
    faults: int = 0

    @classmethod
    def by(cls, service: Node, made: Mapping[Ends, Figures]) -> "Received":
        found = [figures for (_, target), figures in made.items() if target == service]
        return cls(sum(one.calls for one in found), sum(one.faults or 0 for one in found))


def map_of(served: Mapping[Node, Figures], made: Mapping[Ends, Figures]) -> ServiceMap:
    """`served` are the services' own figures, `made` the calls that they make."""
    edges = [Edge(*ends, one.calls, one.faults, one.mean_ms, one.p95_ms) for ends, one in made.items()]
    return ServiceMap.of(served, [*edges, *from_outside(served, made)])


def from_outside(served: Mapping[Node, Figures], made: Mapping[Ends, Figures]) -> Iterator[Edge]:
    """Of its own calls those that no caller in the map made. Times are told where these are all of them."""
    for service, own in served.items():
        received = Received.by(service, made)
        calls = own.calls - received.calls
        if calls <= 0:
            continue
        faults = None if own.faults is None else max(0, own.faults - received.faults)
        times = (None, None) if received.calls else (own.mean_ms, own.p95_ms)
        yield Edge(Node.outside(), service, calls, faults, *times)


def unanswered(served: Mapping[Node, Figures], made: Mapping[Ends, Figures]) -> list[tuple[Node, int]]:
    """Services whose callers saw more faults than they had themselves, and how many more.

    Such calls may not have reached the service: then as many from outside are hidden behind them.
    """
    found = []
    for service, own in served.items():
        more = Received.by(service, made).faults - (own.faults or 0)
        if more > 0:
            found.append((service, more))
    return found
