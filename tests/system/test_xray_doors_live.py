"""Through X-Ray's OTLP door comes the same map as by segments: a collector each, the same spans to both."""

import json
import random
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from tests.collector_process import wait_for
from tests.component.collector.sending import segment, send_segment, trace_id
from tests.system.bench import Bench, bench_in
from tests.system.test_odd_shapes_live import any_trace, new_trace, the_last_call
from tests.system.trees import (
    CLIENT,
    CONSUMER,
    INTERNAL,
    MS,
    PRODUCER,
    SERVER,
    Forest,
    attributes,
    batches,
    request_of,
    send,
)
from threemaps.diagnose.collector import read_collector
from threemaps.doctor.pipelines import advice
from threemaps.doctor.walk import Walk
from threemaps.readers.aws import aws_client

pytestmark = [pytest.mark.system, pytest.mark.long]

SEEDS = (1, 2, 3)
MADE_UP = "made up"
LONG = "ü" * 20_001
Graph = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Bench]]:
    with pytest.MonkeyPatch.context() as patched, ExitStack() as stack:
        folder = tmp_path_factory.mktemp("doors")

        def behind(door: str) -> Bench:
            return stack.enter_context(bench_in(folder / door, patched, THREEMAPS_XRAY_INGEST=door))

        yield behind("segments"), behind("otlp")


def send_to(doors: tuple[Bench, Bench], forest: Forest) -> None:
    for bench in doors:
        bench.send(forest.spans)
    wait_until_drawn(doors)


def wait_until_drawn(doors: tuple[Bench, Bench]) -> None:
    marker = Forest(random.Random(1), [])
    the_last_call(marker)
    for bench in doors:
        before = bench.calls("xray").get(("last", "gone.example:81"), 0) or 0
        bench.send(marker.spans)
        bench.wait_for_call("xray", "last", "gone.example:81", before + 1)
        wait_for(lambda bench=bench: not read_collector(bench.settings).paths["xray"].queued)


def graph(bench: Bench) -> Graph:
    """Nodes by name and type, with their edges, counts and times: all but numbers and moments of reading."""
    end = datetime.now(UTC) + timedelta(seconds=5)
    pages = aws_client(bench.settings, "xray").get_paginator("get_service_graph")
    services = [
        one
        for page in pages.paginate(StartTime=end - timedelta(minutes=10), EndTime=end)
        for one in page["Services"]
    ]
    keys = {one["ReferenceId"]: (one["Name"], one.get("Type", "")) for one in services}
    return {
        keys[one["ReferenceId"]]: {
            **{name: one.get(name) for name in ("Root", "State", "SummaryStatistics", "DurationHistogram")},
            "Edges": {
                keys[edge["ReferenceId"]]: {
                    name: edge[name] for name in ("SummaryStatistics", "ResponseTimeHistogram")
                }
                for edge in one["Edges"]
            },
        }
        for one in services
    }


def rounded(told: Any) -> Any:
    """Spans last whole milliseconds: a segment's seconds, and their sums, are off by microseconds."""
    if isinstance(told, float):
        return round(told, 3)
    if isinstance(told, dict):
        return {name: rounded(value) for name, value in told.items()}
    return [rounded(one) for one in told] if isinstance(told, list) else told


def check_maps(doors: tuple[Bench, Bench]) -> None:
    by_segments, by_otlp = (rounded(graph(bench)) for bench in doors)
    assert by_segments
    assert by_otlp == by_segments


@pytest.mark.parametrize("seed", SEEDS)
def test_any_forest(doors: tuple[Bench, Bench], seed: int) -> None:
    chance, prefix = random.Random(seed), f"{secrets.token_hex(3)}-"
    names = [f"{prefix}{number}" for number in range(chance.choice((2, 5, 30)))]
    forest = Forest(chance, names, limit=1_500).grow(25)
    send_to(doors, forest)
    check_maps(doors)
    drawn = doors[1].calls("xray")
    for (source, target), count in forest.truth.calls.items():
        assert drawn[source[0], target[0]] >= count


@pytest.mark.parametrize("seed", SEEDS)
def test_traces_of_any_shape(doors: tuple[Bench, Bench], seed: int) -> None:
    odd = Forest(random.Random(seed), [])
    for _ in range(60):
        any_trace(odd, [f"odd-{number}" for number in range(odd.chance.choice((2, 4, 9)))])
    send_to(doors, odd)
    check_maps(doors)


WORDS: dict[str, list[Any]] = {
    "http.request.method": ["GET"],
    "http.response.status_code": [200, 404, 429, 500],
    "http.method": ["PUT"],
    "http.status_code": [201, 503],
    "url.full": ["http://pay.example:8443/charge"],
    "url.path": ["/x"],
    "url.scheme": ["https"],
    "http.target": ["/y"],
    "http.host": ["shop.example"],
    "http.scheme": ["http"],
    "user_agent.original": ["curl"],
    "client.address": ["10.1.2.3"],
    "network.peer.address": ["10.0.0.1"],
    "net.peer.name": ["peer.example"],
    "net.peer.port": [81],
    "net.host.name": ["here"],
    "net.host.port": [8000],
    "db.system": ["postgresql", "redis"],
    "db.name": ["orders"],
    "db.statement": ["SELECT 1"],
    "db.user": ["joe"],
    "db.connection_string": ["postgresql://db.example:5432"],
    "rpc.system": ["aws-api", "grpc"],
    "rpc.service": ["DynamoDB"],
    "rpc.method": ["GetItem"],
    "aws.operation": ["PutItem"],
    "aws.region": ["eu-west-1"],
    "aws.request_id": ["r-1"],
    "aws.table_name": ["carts"],
    "aws.queue_url": ["https://sqs.example/1/mails"],
    "aws.service": ["SQS"],
    "messaging.system": ["kafka"],
    "enduser.id": ["someone"],
    "app.now": ["2026-01-01"],
    "app.result_length": [3],
    "app.other": ["x", 4],
    "peer.service": ["named"],
    "aws.xray.metadata.debug": ['{"a": 1}', "no JSON"],
}


def any_words(chance: random.Random, kind: Any) -> dict[str, Any]:
    chosen = chance.sample(sorted(WORDS), chance.randint(0, 9))
    words = {name: chance.choice(WORDS[name]) for name in chosen}
    # Which of two names for one thing counts is a matter of chance in awsxray.
    for one, other in (
        ("http.method", "http.request.method"),
        ("http.status_code", "http.response.status_code"),
        ("http.scheme", "url.scheme"),
        ("client.address", "network.peer.address"),
    ):
        if one in words:
            words.pop(other, None)
    if kind == SERVER:
        words.pop("peer.service", None)
    return words


def any_span_tree(forest: Forest, chance: random.Random) -> None:
    trace, start = new_trace(), int(datetime.now(UTC).timestamp() * 1000) * MS - 900 * MS
    held = []
    for number in range(chance.randint(1, 6)):
        kind = chance.choice((SERVER, CLIENT, CLIENT, INTERNAL, PRODUCER, CONSUMER))
        parent = chance.choice(held).span_id if held and chance.random() < 0.9 else b""
        span = forest.span(trace, f"s{number % 3}", kind, parent, start + number * MS, 100)
        span.attributes.extend(attributes(any_words(chance, kind)))
        span.status.code = chance.choice((0, 1, 2))
        span.status.message = chance.choice(("", "it broke")) if span.status.code == 2 else ""
        if chance.random() < 0.3:
            event = span.events.add(name="exception", time_unix_nano=start)
            event.attributes.extend(attributes({"exception.type": "E", "exception.message": "m"}))
        if chance.random() < 0.3:
            link = span.links.add(trace_id=new_trace(), span_id=secrets.token_bytes(8))
            link.attributes.extend(attributes({"why": "batch"}))
        held.append(span)


def documents(bench: Bench, trace_ids: list[str], sent: set[str]) -> dict[str, Any]:
    xray, found = aws_client(bench.settings, "xray"), {}
    for first in range(0, len(trace_ids), 5):
        for trace in xray.batch_get_traces(TraceIds=trace_ids[first : first + 5])["Traces"]:
            texts = sorted(
                json.dumps(comparable(json.loads(one["Document"]), sent), sort_keys=True)
                for one in trace["Segments"]
            )
            found[trace["Id"]] = [json.loads(text) for text in texts]
    return found


def comparable(document: dict[str, Any], sent: set[str]) -> dict[str, Any]:
    """Without ids that nobody sent, stacks, and what only tells of which door was taken."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(one) for one in value]
        if isinstance(value, float):
            return round(value, 6)
        if not isinstance(value, dict):
            return value
        value = {
            name: MADE_UP if name in ("id", "parent_id") and one not in sent else one
            for name, one in value.items()
        }
        left_out = {"stack", "otel.resource.aws.log.group.names"}
        found = {
            name: plain(one) for name, one in value.items() if name not in left_out and one not in ("", None)
        }
        return {name: one for name, one in found.items() if one != {}}

    told: dict[str, Any] = plain(document)
    if "type" not in told:
        told.pop("namespace", None)  # awsxray leaves one on some segments, where it means nothing
        # Consumers' own name, from which awsxray takes it.
        told.get("metadata", {}).get("default", {}).pop("aws.remote.service", None)
    return told


def test_each_document(doors: tuple[Bench, Bench]) -> None:
    """awsxray translates outside, the OTLP door inside: what is read back is the same."""
    chance = random.Random(5)
    forest = Forest(chance, [])
    for _ in range(150):
        any_span_tree(forest, chance)
    send_to(doors, forest)
    ids = sorted({f"1-{span.trace_id.hex()[:8]}-{span.trace_id.hex()[8:]}" for _, span in forest.spans})
    sent = {span.span_id.hex() for _, span in forest.spans} | {
        link.span_id.hex() for _, span in forest.spans for link in span.links
    }
    by_segments, by_otlp = (documents(bench, ids, sent) for bench in doors)
    for trace in ids:
        assert by_otlp[trace] == by_segments[trace]
    check_maps(doors)


def test_segments_of_an_xray_sdk_and_what_has_not_ended(doors: tuple[Bench, Bench]) -> None:
    edge, callee, crashed = (f"{secrets.token_hex(3)}-{name}" for name in ("edge", "callee", "crashed"))
    trace = trace_id()
    calls = [
        {
            **segment(
                host, trace, namespace="remote", http={"request": {"method": "GET", "url": f"http://{host}/"}}
            )
        }
        for host in (callee, crashed, "gone.example")
    ]
    for one in calls:
        one.pop("trace_id")
    ended = segment(callee, trace, parent_id=calls[0]["id"], http={"response": {"status": 503}}, fault=True)
    running = segment(crashed, trace, parent_id=calls[1]["id"], in_progress=True)
    running.pop("end_time")
    for bench in doors:
        for one in (segment(edge, trace, subsegments=calls), ended, running):
            send_segment(bench.settings.ports["xray"], one)
        bench.wait_for_call("xray", edge, callee)
        bench.wait_for_call("xray", edge, crashed)
    wait_until_drawn(doors)
    check_maps(doors)


def test_transaction_search_that_is_off_is_named_and_loses_nothing(doors: tuple[Bench, Bench]) -> None:
    bench, xray = doors[1], aws_client(doors[1].settings, "xray")
    caller = secrets.token_hex(3)
    xray.update_trace_segment_destination(Destination="XRay")
    walk = Walk(bench.settings, send=True)
    forest = Forest(random.Random(1), [])
    forest.span(new_trace(), caller, SERVER, b"", int(datetime.now(UTC).timestamp()) * 10**9, 100)
    bench.send(forest.spans)
    wait_for(walk.complaints)
    (said, *_) = walk.complaints()
    assert said.exporter == "otlp_http/xray"
    assert "Trace Segment Destination" in said.text
    assert advice(said.text, "xray", bench.settings).endswith("--destination CloudWatchLogs")
    xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    bench.wait_for_call("xray", "outside", caller)
    doors[0].send(forest.spans)


def test_a_span_that_is_refused_in_a_200_is_told(doors: tuple[Bench, Bench]) -> None:
    bench, caller = doors[1], secrets.token_hex(3)
    walk = Walk(bench.settings, send=True)
    forest = Forest(random.Random(1), [])
    for _ in range(2):
        forest.span(new_trace(), caller, SERVER, b"", int(datetime.now(UTC).timestamp()) * 10**9, 100)
    forest.spans[1][1].span_id = b""
    bench.send(forest.spans)
    bench.wait_for_call("xray", "outside", caller)
    wait_for(lambda: any(one.refused_in_a_200 for one in walk.complaints()))
    doors[0].send(forest.spans[:1])


# The last ones: what they send goes through one of the doors only.


def test_what_the_otlp_door_refuses_whole_is_in_nobodys_way(doors: tuple[Bench, Bench]) -> None:
    """Wrong clocks, and a resource that is too large, between spans of others in the same requests."""
    bench, now = doors[1], int(datetime.now(UTC).timestamp()) * 10**9
    prefix = secrets.token_hex(3)
    days = {
        f"{prefix}-{days}-days": now + int(days * 24 * 3600 * 10**9)
        for days in (-20, -13, -2, -0.9, 0, 0.06, 0.08, 3)
    }
    many = KeyValue(key="host.id")
    many.value.array_value.values.extend(AnyValue(string_value=LONG) for _ in range(3))
    large = {
        f"{prefix}-unknown": attributes({"process.command_line": LONG}),
        f"{prefix}-known": attributes({"host.name": LONG, "container.name": LONG}),
        f"{prefix}-list": [many],
    }
    for _ in range(10):  # more than the leg has senders
        forest = Forest(random.Random(1), [])
        for service, start in days.items():
            forest.span(new_trace(), service, SERVER, b"", start, 100)
        request = ExportTraceServiceRequest.FromString(request_of(forest.spans))
        for service, words in large.items():
            held = request.resource_spans.add()
            held.resource.attributes.extend([*attributes({"service.name": service}), *words])
            scope = held.scope_spans.add(scope={"name": LONG, "version": LONG})
            scope.scope.attributes.extend(attributes({"text": LONG}))
            scope.spans.append(forest.span(new_trace(), "", SERVER, b"", now, 100))
        send(bench.collector.otlp_http, [request.SerializeToString()])
    wait_for(lambda: not read_collector(bench.settings).paths["xray"].queued, 60)
    counted = bench.collector.metric("otelcol_processor_filter_spans_filtered", filter="filter/xray_never")
    assert counted == 2 * 10
    read = aws_client(bench.settings, "xray").get_service_graph
    names: set[str] = set()
    for start in (*days.values(), now):
        begin = datetime.fromtimestamp(start / 1e9 - 600, UTC)
        names |= {
            one["Name"] for one in read(StartTime=begin, EndTime=begin + timedelta(hours=1))["Services"]
        }
    never = {f"{prefix}-{days}-days" for days in (-20, 3)}
    assert {name for name in names if name.startswith(prefix)} == {*large, *days} - never


def test_more_spans_than_a_request_may_have(doors: tuple[Bench, Bench]) -> None:
    """The smallest spans that there are, and large ones, faster than they are sent on."""
    bench = doors[1]
    services = [f"{secrets.token_hex(3)}-{size}" for size in ("small", "large")]
    for service, count, words in ((services[0], 24_000, {}), (services[1], 100, {"text": "x" * 100_000})):
        forest = Forest(random.Random(1), [])
        trace, now = new_trace(), int(datetime.now(UTC).timestamp()) * 10**9
        for _ in range(count):
            forest.span(trace, service, SERVER, b"", now, 0, words).name = ""
        send(bench.collector.otlp_http, batches(random.Random(1), forest.spans, 6_000 if not words else 20))
        bench.wait_for_call("xray", "outside", service, count)
