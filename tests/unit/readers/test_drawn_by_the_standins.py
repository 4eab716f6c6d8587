"""The stand-ins draw traces as the table of drawings says of their vendors, read through the vendors' APIs.

Callees have the names that the collector gives them.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.conftest import Serve
from tests.unit.compare.test_drawing import ORDINARY
from tests.unit.readers.conftest import settings_at
from tests.unit.standins.honeycomb.conftest import Client
from tests.unit.standins.honeycomb.spans import set_attributes
from tests.unit.standins.xray.test_otlp import post
from threemaps.model.difference import Window
from threemaps.model.drawing import DRAWINGS, HONEYCOMB, SHAPES, Shape, edges_of, spans_of
from threemaps.model.servicemap import Edge, Kind, Node
from threemaps.model.spans import CLIENTS, REMOTE, SERVERS, Ends, TracedSpan
from threemaps.readers import open_backend
from threemaps.settings import Settings
from threemaps.standins import aws
from threemaps.standins.honeycomb.urls import SCHEMA, create_app
from threemaps.standins.store import Store

KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
# What a span's flags say of its parent: in the same process, or in another one.
NEAR, AFAR = 0x100, 0x300
TRACES = 3
MILLISECOND = 1_000_000


def callees_of(spans: list[TracedSpan]) -> dict[str, str]:
    """Span of a call → whom it calls: who answered it, else who answered the caller's other calls."""
    calls = {span.id: span for span in spans if span.kind in CLIENTS}
    answers = {span.parent: span.service for span in reversed(spans) if span.parent in calls}
    known = {calls[call].service: callee for call, callee in answers.items()}
    return {one: answers.get(one, known.get(span.service, "nobody")) for one, span in calls.items()}


def request_of(shape: Shape) -> ExportTraceServiceRequest:
    """As many traces of the shape; each span lies within its parent's time."""
    request = ExportTraceServiceRequest()
    began = time.time_ns() - 10_000 * MILLISECOND
    for number in range(1, TRACES + 1):
        spans = spans_of(shape)
        services, callees = {span.id: span.service for span in spans}, callees_of(spans)
        for depth, span in enumerate(spans):
            near = span.parent and services.get(span.parent, span.service) == span.service
            resource_spans = request.resource_spans.add()
            set_attributes(resource_spans.resource.attributes, {"service.name": span.service})
            sent = resource_spans.scope_spans.add().spans.add(
                trace_id=(began // 10**9).to_bytes(4) + number.to_bytes(12),
                span_id=span.id.encode().rjust(8, b"\0"),
                parent_span_id=span.parent.encode().rjust(8, b"\0") if span.parent else b"",
                name="work",
                kind=KINDS[span.kind],
                flags=AFAR if span.entered else NEAR if near and span.kind not in SERVERS else 0,
                start_time_unix_nano=began + depth * MILLISECOND,
                end_time_unix_nano=began + (100 - depth) * MILLISECOND,
            )
            set_attributes(sent.attributes, {"peer.service": callees[span.id]} if span.id in callees else {})
    return request


@pytest.fixture
def settings(serve: Serve) -> Iterator[Settings]:
    """Both vendors, locally."""
    events, spans = Store(":memory:", SCHEMA), Store(":memory:", aws.SCHEMA)
    yield settings_at(serve(aws.Aws(spans, {})), THREEMAPS_URL_HONEYCOMB=serve(create_app(events)))
    events.close()
    spans.close()


def ends_of(edge: Edge) -> Ends:
    """A callee without spans counts whatever it is called."""
    return edge.source, (REMOTE if edge.target.kind is Kind.REMOTE else Node(edge.target.name))


@pytest.mark.parametrize("backend", DRAWINGS)
@pytest.mark.parametrize("shape", [ORDINARY, *SHAPES], ids=lambda shape: shape.name)
def test_traces_are_drawn_as_the_table_has_them(settings: Settings, shape: Shape, backend: str) -> None:
    request = request_of(shape)
    if backend == HONEYCOMB:
        Client(settings.honeycomb_api).send_spans(request)
    else:
        assert post(settings.url("aws"), request.SerializeToString()).status_code == 200
    now = datetime.now(UTC)
    found = open_backend(backend, settings).read_map(Window(now - timedelta(minutes=2), now))
    drawn: Counter[Ends] = Counter()
    for edge in found.edges:
        drawn[ends_of(edge)] += edge.requests or 0
    listed = Counter(edges_of(shape, backend))
    assert drawn == {ends: count * TRACES for ends, count in listed.items()}
