"""Two maps of different times: how rates, shares of errors and latencies have changed. Pure."""

from collections.abc import Iterator, Sequence

from threemaps.model.difference import Difference, DifferenceKind, Source
from threemaps.model.servicemap import Edge

ADVICE = "look at what was changed between the two times; without --max-change it is only shown"


def changes(sources: Sequence[Source], most: float | None) -> Iterator[Difference]:
    """Each edge that both of two sources of different times have. `most`: a larger change is unexpected.

    Sources of one time are no matter of this; more than two times are compared with the first.
    """
    readable = [source for source in sources if source.map is not None]
    for after in readable[1:]:
        if not readable[0].window.overlaps(after.window):
            yield from _changed(readable[0], after, most)


def apart_in_time(sources: Sequence[Source]) -> bool:
    """All are of different times: then their numbers are no counts of the same calls."""
    readable = [source for source in sources if source.map is not None]
    pairs = [(one, two) for at, one in enumerate(readable) for two in readable[at + 1 :]]
    return bool(pairs) and all(not one.window.overlaps(two.window) for one, two in pairs)


def _changed(before: Source, after: Source, most: float | None) -> Iterator[Difference]:
    assert before.map is not None
    assert after.map is not None
    for edge in before.map.edges:
        now = after.map.edge(*edge.key)
        if now is None:
            continue
        for kind, was, is_now, text in _figures(edge, now, before.window.seconds, after.window.seconds):
            change = abs(is_now - was) / max(was, 1e-9)
            if change < 0.005:
                continue
            is_over = most is not None and change > most
            yield Difference(
                kind,
                *edge.key,
                (before.name, after.name),
                (),
                (after.name,),
                {before.name: round(was, 4), after.name: round(is_now, 4)},
                expected=not is_over,
                cause=f"{text} went from {was:.4g} to {is_now:.4g} ({is_now / was - 1:+.0%})"
                if was
                else f"{text} went from 0 to {is_now:.4g}",
                advice=ADVICE if is_over else "",
            )


def _figures(
    before: Edge, after: Edge, seconds_before: float, seconds_after: float
) -> Iterator[tuple[DifferenceKind, float, float, str]]:
    if before.requests is not None and after.requests is not None and seconds_before and seconds_after:
        rates = before.requests / seconds_before, after.requests / seconds_after
        yield DifferenceKind.REQUESTS, *rates, "calls a second"
    if before.errors is not None and after.errors is not None and before.requests and after.requests:
        shares = before.errors / before.requests, after.errors / after.requests
        yield DifferenceKind.ERRORS, *shares, "the share of calls that fail"
    if before.mean_ms is not None and after.mean_ms is not None:
        yield DifferenceKind.LATENCY, before.mean_ms, after.mean_ms, "mean latency (ms)"
    if before.p95_ms is not None and after.p95_ms is not None:
        yield DifferenceKind.LATENCY, before.p95_ms, after.p95_ms, "p95 latency (ms)"
