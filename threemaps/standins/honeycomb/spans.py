"""One span as rows: the span itself, and each of its events and links as an event of its own."""

from collections.abc import Iterator
from typing import Any

from threemaps.standins.honeycomb.attributes import field_text, to_fields
from threemaps.standins.honeycomb.rows import LARGEST_INTEGER, Column, Row

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUS_ERROR = 2
_EXCEPTION_FIELDS = ("exception.message", "exception.type", "exception.stacktrace", "exception.escaped")


def to_trace_id(raw: bytes) -> str:
    """Hex; 64-bit ids come padded with zeros, and Honeycomb shows them without."""
    if len(raw) == 16 and raw.startswith(b"\0\0\0\0\0\0\0\0"):
        raw = raw[8:]
    return raw.hex()


def span_columns(spans: list[Any], resource: int, rates: list[int]) -> list[Column]:
    """Without their attributes."""
    count = len(spans)
    starts = [span.start_time_unix_nano for span in spans]
    statuses = [span.status.code for span in spans]
    return [
        starts
        if max(starts, default=0) <= LARGEST_INTEGER
        else [min(one, LARGEST_INTEGER) for one in starts],
        [resource] * count,
        [to_trace_id(span.trace_id) for span in spans],
        [span.span_id.hex() for span in spans],
        [span.parent_span_id.hex() or None for span in spans],
        [span.name for span in spans],
        [KINDS[span.kind] if 0 <= span.kind < len(KINDS) else KINDS[0] for span in spans],
        [max(span.end_time_unix_nano - start, 0) / 1e6 for span, start in zip(spans, starts, strict=True)],
        statuses,
        [True if status == STATUS_ERROR else None for status in statuses],
        [None] * count,
        [0] * count,
        rates,
    ]


def is_unusual(span: Any) -> bool:
    """Whether it has more than its own row and its attributes."""
    return bool(
        span.events
        or span.links
        or span.trace_state
        or span.status.message
        or span.end_time_unix_nano < span.start_time_unix_nano
    )


def span_texts(span: Any, texts: dict[str, str]) -> dict[str, str]:
    """Adds the fields that only some spans have to the texts of the span's attributes."""
    if span.end_time_unix_nano < span.start_time_unix_nano:
        texts.setdefault("meta.invalid_duration", '"meta.invalid_duration":true')
    if span.status.message:
        texts.setdefault("status_message", field_text("status_message", span.status.message))
    if span.trace_state:
        texts.setdefault("trace.trace_state", field_text("trace.trace_state", span.trace_state))
    if span.events:
        _add_events(span, texts)
    if span.links:
        texts.setdefault("span.num_links", f'"span.num_links":{len(span.links)}')
    return texts


def _add_events(span: Any, texts: dict[str, str]) -> None:
    """Errors are looked for on the span: what the first exception says is copied there."""
    texts.setdefault("span.num_events", f'"span.num_events":{len(span.events)}')
    for event in span.events:
        if event.name == "exception":
            fields = to_fields(event.attributes)
            for name in _EXCEPTION_FIELDS:
                if name in fields:
                    texts.setdefault(name, field_text(name, fields[name]))


def annotations(span: Any, row: Row) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Rows (without attributes) and fields; `part` numbers them, so that a repeated span repeats them too."""
    time, resource, trace_id, span_id, *_, rate, _attributes = row
    error = row[9]
    for part, event in enumerate(span.events, 1):
        since = event.time_unix_nano - span.start_time_unix_nano
        fields: dict[str, Any] = {"parent_name": span.name}
        if since < 0:
            fields["meta.invalid_time_since_span_start"] = True
        fields["meta.time_since_span_start_ms"] = max(since, 0) / 1e6
        moment = min(event.time_unix_nano, LARGEST_INTEGER)
        shared = (resource, trace_id, None, span_id, event.name, None, None, None, error, "span_event")
        yield (moment, *shared, part, rate), fields | to_fields(event.attributes)
    for part, link in enumerate(span.links, len(span.events) + 1):
        fields = {
            "parent_name": span.name,
            "trace.link.trace_id": to_trace_id(link.trace_id),
            "trace.link.span_id": link.span_id.hex(),
        }
        shared = (resource, trace_id, None, span_id, None, None, None, None, error, "link")
        yield (time, *shared, part, rate), fields | to_fields(link.attributes)
