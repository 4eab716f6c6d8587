"""Services that have one name in Honeycomb and another in X-Ray: the same spans stand under both."""

from collections.abc import Iterator
from dataclasses import dataclass

from threemaps.diagnose.case import Case, Reason
from threemaps.diagnose.names import in_xray
from threemaps.model.servicemap import Node
from threemaps.model.spans import SERVERS, Traces


@dataclass(frozen=True, slots=True)
class Renamed:
    """Name in X-Ray, name in Honeycomb → a span that has both, with its trace."""

    spans: dict[tuple[str, str], str]

    def reason(self, case: Case) -> Reason | None:
        if not case.is_missing:
            return None
        ends = {end.name for end in case.ends}
        for (there, here), span in self.spans.items():
            if ends & {there, here}:
                return Reason(
                    f"{here} in Honeycomb and {there} in AWS are one service: the same spans have both names",
                    "look for what sets service.name for one of the two: a processor in its pipeline of the "
                    "collector, or a rule in Honeycomb",
                    (f"{span} is of {here} in Honeycomb and of {there} in X-Ray",),
                )
        return None


def gather(held: Traces, there: Traces) -> Iterator[Renamed]:
    """X-Ray's segments bear their service's name; what hangs below one has none of its own."""
    found: dict[tuple[str, str], str] = {}
    for trace, spans in held.items():
        segments = {span.id: span.service for span in there.get(trace, ()) if span.kind in SERVERS}
        for span in spans:
            name = segments.get(span.id)
            if name and name not in (span.service, in_xray(Node(span.service)).name):
                found.setdefault((name, span.service), f"span {span.id} of trace {trace}")
    if found:
        yield Renamed(found)
