"""A service map from the figures of Application Signals. Pure: no I/O, no clock."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.readers.application_signals import Dependency
from threemaps.readers.callees import Call
from threemaps.readers.metric_data import Figures, Reference

MOST_NAMED = 5  # in a remark

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
    """Of its own calls those that no caller in the map made. Times are given where these are all of them."""
    for service, own in served.items():
        received = Received.by(service, made)
        calls = own.calls - received.calls
        if calls <= 0:
            continue
        faults = None if own.faults is None else max(0, own.faults - received.faults)
        times = (None, None) if received.calls else (own.mean_ms, own.p95_ms)
        yield Edge(Node.outside(), service, calls, faults, *times)


def ends_of(
    made: Iterable[Dependency], alive: Collection[Node], answered: Mapping[Call, Collection[str]]
) -> dict[Dependency, Node]:
    """Whom each dependency is. One that served nothing in the window is a remote, whatever its name."""
    ends = {}
    for one in made:
        services = answered.get((one.source, one.name), ())
        node = Node(next(iter(services))) if len(services) == 1 else Node(one.name)
        ends[one] = node if node in alive else Node(one.name, Kind.REMOTE)
    return ends


def grouped(
    made: Mapping[Dependency, Collection[Reference]], ends: Mapping[Dependency, Node]
) -> dict[Ends, set[Reference]]:
    """The metrics of each edge: a service may be called by several names."""
    found: dict[Ends, set[Reference]] = {}
    for one, target in ends.items():
        found.setdefault((Node(one.source), target), set()).update(made[one])
    return found


def doubts(
    served: Mapping[Node, Figures], made: Mapping[Ends, Figures], answered: Mapping[Call, Collection[str]]
) -> Iterator[str]:
    """What sums leave open, as the beginning of a sentence."""
    several = [
        f"{name} ({some(sorted(services))})" for (_, name), services in answered.items() if len(services) > 1
    ]
    if several:
        yield f"One name stands for several services: {some(several)}"
    # A call that failed at the caller alone may not have got there, and hides one from outside.
    missed = [str(one) for one, own in served.items() if Received.by(one, made).faults > (own.faults or 0)]
    if missed:
        yield f"Callers saw more faults than {some(sorted(missed))} had, so not every call got there"
    found = {Node(name) for services in answered.values() for name in services} & served.keys()
    beyond = [str(one) for one in found if Received.by(one, made).calls > served[one].calls]
    if beyond:
        yield f"{some(sorted(beyond))} served fewer calls than by its name were made"


def some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown
