"""Names that are missing, refused by a vendor or hidden in another attribute, on the live system."""

import random
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.component.collector.sending import segment, send_segment, trace_id
from tests.running import System
from tests.system.drawing import check
from tests.system.trees import CLIENT, CONSUMER, PRODUCER, SERVER, Edge, End, Forest, request_of, send
from threemaps.diagnose.names import in_xray
from threemaps.model.servicemap import Node

pytestmark = [pytest.mark.system, pytest.mark.long]

FROM_OUTSIDE: End = ("outside", "outside")
SECOND = 1_000_000_000


@pytest.fixture
def prefix() -> str:
    return f"{secrets.token_hex(4)}-"


def service(name: str) -> End:
    return name, "service"


def remote(name: str) -> End:
    return name, "remote"


def start(forest: Forest, name: str) -> tuple[Any, Callable[..., Any]]:
    """A request from outside, and how its service calls on."""
    trace = bytes.fromhex(trace_id())
    now = int.from_bytes(trace[:4]) * SECOND
    forest.truth.count(FROM_OUTSIDE, service(name), False)
    root = forest.span(trace, name, SERVER, b"", now, 300)

    def span(of: str, kind: Any, parent: bytes, **words: Any) -> Any:
        return forest.span(trace, of, kind, parent, now, 100, words)

    return root, span


def test_every_name_of_a_service_is_in_every_map(system: System, prefix: str) -> None:
    """As it is, or in AWS as X-Ray takes it: no call of such a service gets lost there."""
    forest = Forest(random.Random(1), [])
    root, span = start(forest, f"{prefix}root")
    names = ["My Service", "ü-服务", "a/b.c:80", "it's", "a|b", "a!b", "\U0001f600", "x" * 250, ""]
    for name in names:
        callee = prefix + name if name else ""
        call = span(f"{prefix}root", CLIENT, root.span_id)
        # Who is named in its peer.service called it: that is nobody's name here.
        span(callee, SERVER, call.span_id, **{"peer.service": "somebody", "db.name": "orders"})
        forest.truth.count(service(f"{prefix}root"), service(callee or "unknown_service"), False)
    send(system.settings.url("otlp_http"), [request_of(forest.spans)])

    def drawn_by(backend: str) -> dict[Edge, tuple[int, int | None]]:
        drawn = forest.truth.drawn_by(backend)
        if backend == "honeycomb":
            return drawn
        renamed: dict[Edge, tuple[int, int | None]] = {}
        for (caller, (name, _)), (count, errors) in drawn.items():
            key = caller, service(in_xray(Node(name)).name)
            renamed[key] = (renamed.get(key, (0, 0))[0] + count, errors)
        return renamed

    check(system.settings, prefix, drawn_by)
    told = system.compare("--service", f"{prefix}*", "--since", "5m")
    assert told["agree"], told["differences"]


def test_callees_without_a_host_have_one_name(system: System, prefix: str) -> None:
    forest, own = Forest(random.Random(1), []), f"{prefix}web"
    root, span = start(forest, own)
    callees: dict[str, dict[str, Any]] = {
        "10.0.0.1:11211": {"db.system": "memcached", "net.peer.ip": "10.0.0.1", "net.peer.port": 11211},
        "10.0.0.2:77": {"network.peer.address": "10.0.0.2", "network.peer.port": 77},
        "redis": {"peer.service": "", "db.system": "redis"},
        "kafka": {"url.full": "/relative", "messaging.system": "kafka"},
        "s" * 200: {"server.address": "s" * 300},
        "orders": {"rpc.system": "aws-api", "rpc.service": "DynamoDB", "aws.table.name": "orders"},
        "jobs": {"rpc.system": "aws-api", "rpc.service": "SQS", "aws.queue.url": "https://sqs/1/jobs"},
    }
    for name, words in callees.items():
        span(own, CLIENT, root.span_id, **words)
        forest.truth.count(service(own), remote(name), False)
    sent = span(own, PRODUCER, root.span_id, **{"aws.remote.service": "sqs"})
    span(f"{prefix}reader", CONSUMER, sent.span_id, **{"aws.remote.service": "sqs"})
    forest.truth.count(service(own), service(f"{prefix}reader"), False)
    send(system.settings.url("otlp_http"), [request_of(forest.spans)])
    check(system.settings, prefix, forest.truth.drawn_by)


def test_traces_that_count_their_spans_from_one(system: System, prefix: str) -> None:
    forest, own = Forest(random.Random(1), []), f"{prefix}web"
    for _ in range(3):
        root, span = start(forest, own)
        root.span_id = (1).to_bytes(8)
        call = span(own, CLIENT, root.span_id)
        call.span_id = (2).to_bytes(8)
        span(f"{prefix}api", SERVER, call.span_id).span_id = (3).to_bytes(8)
        forest.truth.count(service(own), service(f"{prefix}api"), False)
    send(system.settings.url("otlp_http"), [request_of(forest.spans)])
    check(system.settings, prefix, forest.truth.drawn_by)


def test_what_an_xray_sdk_calls_in_aws(system: System, prefix: str) -> None:
    """Tables and queues are nodes, as when the SDK sends straight to X-Ray."""
    called = [
        ("dynamodb", {"operation": "PutItem", "table_name": "orders"}, "orders"),
        ("dynamodb", {"operation": "GetItem", "table_name": "users"}, "users"),
        ("sqs", {"operation": "SendMessage", "queue_url": "https://sqs.eu/1/jobs"}, "jobs"),
        ("s3", {"operation": "PutObject"}, "s3"),
    ]
    calls = [(drawn, segment(name, trace_id(), namespace="aws", aws=aws)) for name, aws, drawn in called]
    are_drawn(system, prefix, calls)


def test_databases_that_an_xray_sdk_asks(system: System, prefix: str) -> None:
    """They have their host and port for a name, as when OpenTelemetry's instrumentation asks them."""
    asked = {
        "postgresql://ann@pg.eu:5432/orders": "pg.eu:5432",
        "127.0.0.1:3306/orders": "127.0.0.1:3306",
        "jdbc:mysql://my.eu/orders?ssl=1": "my.eu",
        "mariadb://maria.eu": "maria.eu",
    }
    calls = []
    for url, drawn in asked.items():
        sql = {"url": url, "database_type": "SQL", "sanitized_query": "SELECT 1"}
        calls.append((drawn, segment("orders@somewhere", trace_id(), namespace="remote", sql=sql)))
    are_drawn(system, prefix, calls)


def are_drawn(system: System, prefix: str, calls: list[tuple[str, dict[str, Any]]]) -> None:
    """One segment of an X-Ray SDK makes these calls, and each map has the remotes of these names."""
    own, forest = f"{prefix}web", Forest(random.Random(1), [])
    subsegments = []
    for drawn, call in calls:
        subsegments.append({name: value for name, value in call.items() if name != "trace_id"})
        forest.truth.count(service(own), remote(drawn), False)
    forest.truth.count(FROM_OUTSIDE, service(own), False)
    send_segment(system.settings.ports["xray"], segment(own, trace_id(), subsegments=subsegments))
    check(system.settings, prefix, forest.truth.drawn_by)
