"""One trace as each backend holds it, and sample traces of an edge."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from re import fullmatch
from typing import Any
from urllib.parse import quote

import orjson

from threemaps.errors import UserError
from threemaps.model.difference import Window
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.base import Shape, UnreadableError
from threemaps.readers.batch import batch_get_traces, plain_id
from threemaps.readers.honeycomb import Honeycomb, configuration_api
from threemaps.readers.honeycomb_queries import LONGEST, times_of
from threemaps.settings import Settings

# Where a trace is looked for, one after the other: nearly all are young, and short ranges are quick.
LOOK_BACK = (timedelta(hours=5, minutes=55), LONGEST)
MOST_SPANS = 1000
# What of a segment says where it belongs, and is shown elsewhere.
PLACE = {
    "id",
    "trace_id",
    "parent_id",
    "start_time",
    "end_time",
    "name",
    "subsegments",
    "fault",
    "error",
    "throttle",
}
SPAN_COLUMNS = ("trace.span_id", "trace.parent_id", "service.name", "name", "duration_ms", "error")
ASKED = {*SPAN_COLUMNS, "COUNT"}
ANNOTATION = "meta.annotation_type"  # span_event or span_link
# Where a span, or X-Ray's SDK in a segment, names the rule by which its trace was kept.
RULE_NAMES = ("aws.xray.sampling_rule", "aws.xray.sampling_rule_name", "aws_xray_sampling_rule")
MOST_DATASETS = 20
MOST_COLUMNS = 100  # that Honeycomb breaks a query down by
LONGEST_SECONDS = 1e11  # no moment or length on a clock is longer


@dataclass(frozen=True, slots=True)
class Span:
    """`start` is in seconds since 1970; None where the backend does not report it."""

    id: str
    parent: str
    service: str
    name: str
    start: float | None
    duration_ms: float
    failed: bool
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """What one backend holds of a trace, parents before their children; `problem` if it could not be read."""

    backend: str
    spans: tuple[Span, ...] = ()
    problem: str = ""
    remedy: str = ""


def trace_id_of(text: str) -> str:
    """The 32 digits, from either way to write them."""
    given = text.strip().lower()
    plain = plain_id(given) if fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", given) else given
    if not fullmatch(r"[0-9a-f]{32}", plain):
        raise UserError(
            f"{text[:60]!r} is no trace id",
            hint="32 hexadecimal digits, or X-Ray's 1-8-24; every response carries its own as X-Trace-Id",
            exit_code=2,
        )
    return plain


def read_trace(
    settings: Settings, trace_id: str, now: datetime, *, attributes: bool = False
) -> tuple[Held, ...]:
    """CloudWatch's part are the log lines. Attributes cost Honeycomb one more request, for its columns."""

    def honeycomb() -> list[Span]:
        return honeycomb_spans(settings, trace_id, now, attribute_columns(settings) if attributes else ())

    return (
        _held("honeycomb", honeycomb),
        _held("xray", lambda: xray_spans(settings, trace_id)),
    )


def _held(backend: str, read: Callable[[], Sequence[Span]]) -> Held:
    try:
        return Held(backend, tuple(in_order(read())))
    except UnreadableError as error:
        return Held(backend, problem=error.message, remedy=error.hint)


def sampling_rule(held: Sequence[Held]) -> str:
    """The rule of X-Ray that kept the trace, or nothing where no span names one."""
    found = (span.attributes.get(name) for name in RULE_NAMES for one in held for span in one.spans)
    return next((str(value) for value in found if value), "")


def honeycomb_spans(
    settings: Settings, trace_id: str, now: datetime, attributes: Sequence[str] = ()
) -> list[Span]:
    """A query reports of each span what it is broken down by; when it started is not among that."""
    columns = (*SPAN_COLUMNS, *attributes)
    question: dict[str, Any] = {
        "breakdowns": list(columns),
        "calculations": [{"op": "COUNT"}],
        "filters": [{"column": "trace.trace_id", "op": "=", "value": trace_id}],
        "limit": MOST_SPANS,
    }
    honeycomb = Honeycomb.of(settings)
    for back in LOOK_BACK:
        rows = honeycomb.answer({**question, **times_of(Window(now - back, now))}, series=False).rows
        noted = annotations(rows)
        spans = [
            _honeycomb_span({**row, **noted.get(str(row["trace.span_id"]), {})})
            for row in rows
            if row.get("trace.span_id")
        ]
        if spans:
            return spans
    return []


def annotations(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Span → its events and links, as attributes; Honeycomb keeps each as a row of its own below the span."""
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        kind = str(row.get(ANNOTATION) or "").removeprefix("span_")
        if kind and not row.get("trace.span_id"):
            document = {
                name: value
                for name, value in row.items()
                if value is not None and name not in ASKED and name != ANNOTATION
            }
            own = found.setdefault(str(row.get("trace.parent_id") or ""), {})
            own[f"{kind} {len(own) + 1}: {row.get('name') or ''}"] = orjson.dumps(
                document, default=str
            ).decode()
    return found


def _honeycomb_span(row: Mapping[str, Any]) -> Span:
    duration = row.get("duration_ms")
    known = isinstance(duration, int | float) and abs(duration) < LONGEST_SECONDS
    return Span(
        id=str(row["trace.span_id"]),
        parent=str(row.get("trace.parent_id") or ""),
        service=str(row.get("service.name") or ""),
        name=str(row.get("name") or ""),
        start=None,
        duration_ms=float(duration or 0.0) if known else 0.0,
        failed=row.get("error") is True,
        attributes={
            name: value
            for name, value in row.items()
            if value is not None and name not in (*SPAN_COLUMNS, "COUNT")
        },
    )


def attribute_columns(settings: Settings) -> list[str]:
    """The columns that a span's attributes can be in: those of the datasets that were written to last."""
    api, shape = configuration_api(settings), Shape("Honeycomb")

    def listed(path: str, key: str, latest: str) -> list[str]:
        found = [shape.mapping(one, path) for one in shape.sequence(api.get(path), path)]
        found.sort(key=lambda one: str(one.get(latest) or ""), reverse=True)
        return [shape.text(one.get(key), key) for one in found]

    datasets = listed("/1/datasets", "slug", "last_written_at")[:MOST_DATASETS]
    columns = [listed(f"/1/columns/{quote(slug)}", "key_name", "last_written") for slug in datasets]
    known = {*ASKED, "trace.trace_id"}
    names = [name for name in dict.fromkeys(chain(*columns)) if name not in known]
    return names[: MOST_COLUMNS - len(SPAN_COLUMNS)]


def xray_spans(settings: Settings, trace_id: str) -> list[Span]:
    found = batch_get_traces(aws_client(settings, "xray"), settings, [trace_id], may_lack=True)
    with reasons(settings, "X-Ray", "xray:BatchGetTraces"):
        segments = [segment for trace in found for segment in trace.get("Segments") or []]
        return [span for segment in segments for span in segment_spans(segment.get("Document"))]


def segment_spans(text: object) -> Iterator[Span]:
    try:
        document = orjson.loads(text if isinstance(text, str) else "")
    except orjson.JSONDecodeError as error:
        raise Shape("X-Ray").wrong("a segment's Document", text) from error
    if isinstance(document, dict) and not document.get("inferred"):
        yield from _parts(document, str(document.get("name") or ""), str(document.get("parent_id") or ""))


def _parts(part: Mapping[str, Any], service: str, parent: str) -> Iterator[Span]:
    start, end = _second(part.get("start_time")), _second(part.get("end_time"))
    if start is None:
        return
    ended = start if end is None else end
    own = str(part.get("id") or "")
    yield Span(
        own,
        parent,
        service,
        str(part.get("name") or ""),
        start,
        (ended - start) * 1000,
        part.get("fault") is True,
        attributes=dict(_flat(part)),
    )
    children = part.get("subsegments")
    for child in children if isinstance(children, list) else []:
        if isinstance(child, dict):
            yield from _parts(child, service, own)


def _flat(part: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """What a segment says besides its place in the trace.

    Annotations and metadata of the default namespace, OpenTelemetry's attributes, have their plain names.
    """
    for name, value in part.items():
        if name in ("annotations", "metadata"):
            inner = value.get("default", value) if name == "metadata" and isinstance(value, dict) else value
            yield from ((str(key), one) for key, one in inner.items()) if isinstance(inner, dict) else ()
        elif name not in PLACE:
            yield from _leaves(name, value)


def _leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(f"{name}.{key}", one)
    else:
        yield name, value


def _second(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value < LONGEST_SECONDS else None


def in_order(spans: Sequence[Span]) -> Iterator[Span]:
    """Each parent before its children; spans whose parent is not held come as roots of their own."""
    ordered = sorted(spans, key=lambda one: (one.start or 0.0, one.service, one.name, one.id))
    known = {span.id for span in spans}
    children: dict[str, list[Span]] = {}
    roots: list[Span] = []
    for span in ordered:
        is_child = span.parent in known and span.parent != span.id
        (children.setdefault(span.parent, []) if is_child else roots).append(span)
    seen: set[str] = set()
    # After the roots come those that name each other as parents: no root leads there.
    for waiting in [[*reversed(roots)], *([span] for span in ordered)]:
        while waiting:
            span = waiting.pop()
            if span.id not in seen:
                seen.add(span.id)
                yield span
                waiting += reversed(children.get(span.id, []))


@dataclass(frozen=True, slots=True)
class Missing:
    """A span that some backends hold and others do not."""

    span: Span
    held_by: tuple[str, ...]
    missing_in: tuple[str, ...]


def differences(held: Sequence[Held]) -> list[Missing]:
    """Between the backends that could be read. One that holds nothing of the trace is named as such."""
    ids = {one.backend: {span.id for span in one.spans} for one in held if not one.problem and one.spans}
    found: dict[str, Missing] = {}
    for span in (span for one in held for span in one.spans):
        lacking = tuple(name for name, own in ids.items() if span.id not in own)
        if lacking and span.id not in found:
            found[span.id] = Missing(span, tuple(name for name in ids if name not in lacking), lacking)
    return list(found.values())


def depths(spans: Sequence[Span]) -> list[int]:
    """How deep each span lies, for spans in order."""
    known: dict[str, int] = {}
    for span in spans:
        known[span.id] = known.get(span.parent, -1) + 1
    return [known[span.id] for span in spans]


def as_json(
    trace_id: str, held: Sequence[Held], missing: Sequence[Missing], *, attributes: bool = False
) -> dict[str, Any]:
    """A backend that could not be read is null, as in `compare --format json`."""

    def spans(one: Held) -> list[dict[str, Any]]:
        plain = [span_json(span) for span in one.spans]
        return [
            {**shown, "attributes": dict(span.attributes)} if attributes else shown
            for shown, span in zip(plain, one.spans, strict=True)
        ]

    return {
        "trace_id": trace_id,
        "backends": {one.backend: None if one.problem else spans(one) for one in held},
        "unreadable": {one.backend: one.problem for one in held if one.problem},
        "differences": [
            {
                "span_id": one.span.id,
                "service": one.span.service,
                "name": one.span.name,
                "in": one.held_by,
                "not_in": one.missing_in,
            }
            for one in missing
        ],
    }


def span_json(span: Span) -> dict[str, Any]:
    """`start` is null where the backend does not report it."""
    start = None if span.start is None else datetime.fromtimestamp(span.start, UTC).isoformat()
    return {
        "span_id": span.id,
        "parent_id": span.parent or None,
        "service": span.service,
        "name": span.name,
        "start": start,
        "duration_ms": round(span.duration_ms, 3),
        "error": span.failed,
    }
