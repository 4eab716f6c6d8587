"""Where maps of the same traffic differ. Pure: no I/O and no clock; the reasons are in `diagnose`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from threemaps.model.difference import Difference, DifferenceKind, Source
from threemaps.model.drawing import CLOUDWATCH, XRAY
from threemaps.model.servicemap import Edge, Node, ServiceMap

# Two latencies of an edge differ when they are further apart than both of these. Further apart than both
# of the latter, the backends cannot have timed the same calls, be it at different ends.
LATENCY_SHARE, LATENCY_MS = 0.25, 10.0
FAR_TIMES, FAR_MS = 3.0, 50.0


def differences(sources: Sequence[Source]) -> Iterator[Difference]:
    """The bare differences, one for each source that is out of step."""
    readable = {source.name: source.map for source in sources if source.map is not None}
    for source in sources:
        if source.map is None:
            yield Difference(
                DifferenceKind.UNREADABLE,
                None,
                None,
                present_in=tuple(readable),
                not_in=(source.name,),
                diverging=(source.name,),
            )
    yield from missing_nodes(readable)
    witness = {source.name: witness_of(source) for source in sources}
    held_by: dict[tuple[Node, Node], dict[str, Edge]] = {}
    for name, found in readable.items():
        for edge in found.edges:
            held_by.setdefault(edge.key, {})[name] = edge
    apart = {key: holders for key, holders in held_by.items() if not same_in_all(holders, len(readable))}
    for key, holders in sorted(apart.items(), key=lambda item: item[0]):
        yield from missing_edges(key, holders, tuple(readable))
        yield from differing_values(key, holders, witness)


def witness_of(source: Source) -> str:
    """Who says it. X-Ray and CloudWatch of one window draw the same spans: they are one witness, not two.

    Nothing for a source that holds a share of the calls only.
    """
    if source.sampled:
        return ""
    is_aws = source.backend in (XRAY, CLOUDWATCH)
    return f"aws {source.window.start} {source.window.end}" if is_aws else source.name


def same_in_all(holders: Mapping[str, Edge], maps: int) -> bool:
    """Nearly all edges are, which shows quickly, so that a large map is compared in a moment."""
    if len(holders) < maps:
        return False
    first, *others = holders.values()
    return all(
        (one.requests, one.errors, one.mean_ms, one.p95_ms)
        == (first.requests, first.errors, first.mean_ms, first.p95_ms)
        for one in others
    )


def missing_nodes(maps: Mapping[str, ServiceMap]) -> Iterator[Difference]:
    nodes = {name: set(found.nodes) for name, found in maps.items()}
    for node in sorted(set().union(*nodes.values())):
        present = tuple(name for name, held in nodes.items() if node in held)
        for absent in nodes:
            if absent not in present:
                yield Difference(DifferenceKind.MISSING_NODE, node, None, present, (absent,), (absent,))


def missing_edges(
    key: tuple[Node, Node], holders: Mapping[str, Edge], names: Sequence[str]
) -> Iterator[Difference]:
    values = {name: holders[name].requests if name in holders else None for name in names}
    for absent in names:
        if absent not in holders:
            yield Difference(
                DifferenceKind.MISSING_EDGE, *key, tuple(holders), (absent,), (absent,), values=values
            )


def differing_values(
    key: tuple[Node, Node], holders: Mapping[str, Edge], witness: Mapping[str, str]
) -> Iterator[Difference]:
    """What the sources report of one edge; a source that does not report is never out of step."""
    reported: tuple[tuple[DifferenceKind, dict[str, float | None]], ...] = (
        (DifferenceKind.REQUESTS, {name: edge.requests for name, edge in holders.items()}),
        (DifferenceKind.ERRORS, {name: edge.errors for name, edge in holders.items()}),
        (DifferenceKind.LATENCY, latencies(holders)),
    )
    for kind, values in reported:
        known = {name: value for name, value in values.items() if value is not None}
        first = next(iter(known.values()), None)
        if all(value == first for value in known.values()):
            continue
        usual = usual_value(known, witness)
        same = same_latency if kind is DifferenceKind.LATENCY else same_count
        for name, value in known.items():
            if not same(value, usual):
                yield Difference(kind, *key, tuple(holders), (), (name,), values)


def latencies(holders: Mapping[str, Edge]) -> dict[str, float | None]:
    """Means, where at least two sources report one; else the 95th percentiles."""
    means = {name: edge.mean_ms for name, edge in holders.items()}
    if sum(mean is not None for mean in means.values()) > 1:
        return means
    return {name: edge.p95_ms for name, edge in holders.items()}


def usual_value(values: Mapping[str, float], witness: Mapping[str, str]) -> float:
    """What most witnesses say, of those that hold every call; where they are divided, the highest.

    A call is far likelier to get lost on the way to one backend than to be made up on the way to another.
    """
    by_witness: dict[float, set[str]] = {}
    for name, value in values.items():
        if witness[name]:
            by_witness.setdefault(value, set()).add(witness[name])
    return max(by_witness, key=lambda value: (len(by_witness[value]), value), default=max(values.values()))


def same_count(value: float, usual: float) -> bool:
    return value == usual


def same_latency(value: float, usual: float) -> bool:
    apart = abs(value - usual)
    return apart <= LATENCY_MS or apart <= LATENCY_SHARE * max(value, usual)


def is_far(value: float, usual: float) -> bool:
    """Further apart than what the two ends of a call can make."""
    low, high = sorted((value, usual))
    return high - low >= FAR_MS and high >= FAR_TIMES * low


def merged(found: Iterable[Difference]) -> Iterator[Difference]:
    """Differences in the same thing for the same reason are one; what is unexpected comes first."""
    groups: dict[tuple[Any, ...], Difference] = {}
    for one in found:
        group = (one.kind, one.source, one.target, one.expected, one.cause, one.advice)
        held = groups.get(group)
        groups[group] = one if held is None else joined(held, one)
    yield from sorted(groups.values(), key=lambda one: one.expected)


def joined(one: Difference, other: Difference) -> Difference:
    return Difference(
        one.kind,
        one.source,
        one.target,
        together(one.present_in, other.present_in),
        together(one.not_in, other.not_in),
        together(one.diverging, other.diverging),
        one.values,
        one.expected,
        one.cause,
        together(one.evidence, other.evidence),
        one.advice,
    )


def together(some: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return some if some == more else tuple(dict.fromkeys(some + more))
