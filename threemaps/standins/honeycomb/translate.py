"""OTLP requests → Honeycomb's events, field for field as Honeycomb itself translates them."""

from dataclasses import dataclass
from typing import Any

from threemaps.standins.honeycomb.attributes import (
    FieldMemory,
    field_text,
    json_text,
    to_fields,
)
from threemaps.standins.honeycomb.logs import log_row, log_values
from threemaps.standins.honeycomb.overrides import OVERRIDING, override, take_overrides
from threemaps.standins.honeycomb.rows import (
    SURELY_FINE,
    UNKNOWN_SERVICE,
    Batch,
    Column,
    EncodedBatch,
    Resource,
    Row,
    flaw,
)
from threemaps.standins.honeycomb.sampling import rate_from_state, to_rate
from threemaps.standins.honeycomb.spans import annotations, is_unusual, span_columns, span_texts
from threemaps.standins.otlp_messages import LogsRequest, TraceRequest

UNKNOWN_LOG_SOURCE = "unknown_log_source"

# Scopes of the stock instrumentation libraries, by language.
_LIBRARIES = (
    "io.opentelemetry",
    "opentelemetry.instrumentation",
    "OpenTelemetry.Instrumentation",
    "OpenTelemetry::Instrumentation",
    "go.opentelemetry.io/contrib/instrumentation",
    "@opentelemetry/instrumentation",
    "github.com/open-telemetry/opentelemetry-collector",
    "@honeycombio/",
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the spans or records of one scope have in common."""

    resource: Resource
    key: int
    sample_rate: int | None


def translate(body: bytes, memory: FieldMemory, signal: str, dataset: str) -> EncodedBatch:
    """The body of an OTLP request, ready to be stored; `dataset` is for log records of no service."""
    if signal == "traces":
        return translate_traces(TraceRequest.FromString(body), memory).encoded()
    return translate_logs(LogsRequest.FromString(body), memory, dataset).encoded()


def translate_traces(request: Any, memory: FieldMemory) -> Batch:
    batch = Batch()
    for resource_spans in request.resource_spans:
        shared = _resource_fields(resource_spans)
        dataset = _service_dataset(shared) or UNKNOWN_SERVICE
        for scope_spans in resource_spans.scope_spans:
            scope = _scope(batch, dataset, "trace", shared, scope_spans)
            _add_spans(batch, scope, list(scope_spans.spans), memory)
    return batch


def translate_logs(request: Any, memory: FieldMemory, fallback_dataset: str) -> Batch:
    batch = Batch()
    for resource_logs in request.resource_logs:
        shared = _resource_fields(resource_logs)
        dataset = _service_dataset(shared) or fallback_dataset.strip() or UNKNOWN_LOG_SOURCE
        for scope_logs in resource_logs.scope_logs:
            scope = _scope(batch, dataset, "log", shared, scope_logs)
            for record in scope_logs.log_records:
                texts = {name: field_text(name, value) for name, value in log_values(record).items()}
                texts.update(memory.texts(record.attributes))
                _add(batch, scope, log_row(record, scope.key, scope.sample_rate or 1), texts)
    return batch


def _resource_fields(part: Any) -> dict[str, Any]:
    fields = to_fields(part.resource.attributes)
    if part.schema_url:
        fields["resource.schema_url"] = part.schema_url
    return fields


def _service_dataset(fields: dict[str, Any]) -> str:
    name = fields.get("service.name")
    if not isinstance(name, str) or name.startswith(UNKNOWN_SERVICE):
        return ""
    return name.strip()


def _scope(batch: Batch, dataset: str, signal: str, shared: dict[str, Any], part: Any) -> Scope:
    fields = dict(shared)
    if part.scope.name:
        fields["library.name"] = part.scope.name
        if part.scope.name.startswith(_LIBRARIES):
            fields["telemetry.instrumentation_library"] = True
    if part.scope.version:
        fields["library.version"] = part.scope.version
    fields.update(to_fields(part.scope.attributes))
    if part.schema_url:
        fields["scope.schema_url"] = part.schema_url
    service = fields.pop("service.name", None)
    rates = [fields.pop(name) for name in ("SampleRate", "sampleRate") if name in fields]
    resource = Resource(dataset, None if service in (None, "") else str(service), signal, json_text(fields))
    return Scope(resource, batch.share(resource), to_rate(rates[-1]) if rates else None)


def _add_spans(batch: Batch, scope: Scope, spans: list[Any], memory: FieldMemory) -> None:
    """Column by column: going through the spans one by one takes half as long again."""
    texts = [memory.texts(span.attributes) for span in spans]
    rates = [scope.sample_rate or 1] * len(spans)
    unusual = [number for number, span in enumerate(spans) if is_unusual(span)]
    for number in unusual:
        span_texts(spans[number], texts[number])
        rates[number] = scope.sample_rate or rate_from_state(spans[number].trace_state)
    rows = _take(batch, scope, span_columns(spans, scope.key, rates), texts, unusual)
    for number, row in zip(unusual, rows, strict=True):
        if row is not None:
            for annotation, values in annotations(spans[number], row):
                fields = {name: field_text(name, value) for name, value in values.items()}
                _add(batch, scope, annotation, fields)


def _take(
    batch: Batch, scope: Scope, columns: list[Column], texts: list[dict[str, str]], asked: list[int]
) -> list[Row | None]:
    """All at once, unless one may need a closer look; answers with the rows that are asked for, if taken."""
    attributes = ["{" + ",".join(fields.values()) + "}" for fields in texts]
    longest = max(map(len, attributes), default=0) + len(scope.resource.attributes)
    if longest > SURELY_FINE or not all(map(OVERRIDING.isdisjoint, texts)):
        pairs = zip(zip(*columns, strict=True), texts, strict=True)
        rows = [_add(batch, scope, row, fields) for row, fields in pairs]
        return [rows[number] for number in asked]
    whole = [*columns, attributes]
    batch.extend(whole)
    return [tuple(column[number] for column in whole) for number in asked]


def _add(batch: Batch, scope: Scope, row: Row, texts: dict[str, str]) -> Row | None:
    """Completes the row with its attributes, and takes it unless Honeycomb would not."""
    given = {} if OVERRIDING.isdisjoint(texts) else take_overrides(texts)
    attributes = "{" + ",".join(texts.values()) + "}"
    reason = flaw(attributes, scope.resource.attributes)
    if reason:
        batch.rejected.append(reason)
        return None
    row = (*row, attributes)
    if given:
        row = override(row, given, batch, scope.resource)
    batch.rows.append(row)
    return row
