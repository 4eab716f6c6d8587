"""What can happen to a backend, a collector or a disk, each for as long as a block lasts."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.collector_process import wait_for
from tests.system.chaos.proxy import PIPELINES, Answer, Exchange, every_other
from tests.system.chaos.traffic import Traffic
from tests.system.chaos.world import World
from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_REGION, LOCAL_AWS_SECRET_ACCESS_KEY

AWS_ERRORS = {
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    429: "ThrottlingException",
    500: "InternalFailure",
    503: "ServiceUnavailableException",
}
SLOW_SECONDS = 5.0
FROZEN_SECONDS = 40.0  # more than twice an exporter's patience
KILLS = 3
TRAFFIC_SECONDS = 60.0

Inject = Callable[[World, Traffic], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True)
class Trouble:
    """`pipelines` are those that it touches; the others must not notice."""

    name: str
    pipelines: tuple[str, ...]
    inject: Inject
    restarts: bool = False  # the collector: what is in its memory is gone
    refuses: bool = False  # at the collector's receivers: nothing is acknowledged while it lasts


@contextlib.contextmanager
def nothing(world: World, traffic: Traffic) -> Iterator[None]:
    yield


def down(*vendors: str) -> Inject:
    @contextlib.contextmanager
    def inject(world: World, traffic: Traffic) -> Iterator[None]:
        for vendor in vendors:
            world.proxies[vendor].close()
        try:
            yield
        finally:
            for vendor in vendors:
                world.proxies[vendor].open()

    return inject


def answering(status: int, *pipelines: str) -> Inject:
    @contextlib.contextmanager
    def inject(world: World, traffic: Traffic) -> Iterator[None]:
        headers = {"x-amzn-errortype": AWS_ERRORS[status], "Content-Type": "application/json"}
        with world.faulty(lambda _: Answer(status, headers, b"{}"), *pipelines or PIPELINES):
            yield

    return inject


def hanging(*pipelines: str) -> Inject:
    @contextlib.contextmanager
    def inject(world: World, traffic: Traffic) -> Iterator[None]:
        released = threading.Event()

        def hang(exchange: Exchange) -> None:
            released.wait(120)

        try:
            with world.faulty(hang, *pipelines):
                yield
        finally:
            released.set()

    return inject


def frozen(*names: str, seconds: float = FROZEN_SECONDS) -> Inject:
    """Stand-ins stopped by a signal, which then take in all that was sent meanwhile, some of it again."""

    @contextlib.contextmanager
    def inject(world: World, traffic: Traffic) -> Iterator[None]:
        began = time.monotonic()
        try:
            for name in names:
                world.standins[name].send_signal(signal.SIGSTOP)
            wait_for(lambda: time.monotonic() > began + seconds, seconds + 10)
        finally:
            for name in names:
                world.standins[name].send_signal(signal.SIGCONT)
        yield

    return inject


def slow(*pipelines: str) -> Inject:
    @contextlib.contextmanager
    def inject(world: World, traffic: Traffic) -> Iterator[None]:
        ended = threading.Event()

        def late(exchange: Exchange) -> Answer:
            ended.wait(SLOW_SECONDS)
            return exchange.forward(exchange)

        try:
            with world.faulty(late, *pipelines):
                yield
        finally:
            ended.set()

    return inject


@contextlib.contextmanager
def cut_after_accepting(world: World, traffic: Traffic) -> Iterator[None]:
    def accept_and_cut(exchange: Exchange) -> None:
        exchange.forward(exchange)

    with world.faulty(accept_and_cut, *PIPELINES):
        yield


@contextlib.contextmanager
def half_refused(world: World, traffic: Traffic) -> Iterator[None]:
    def half(exchange: Exchange) -> Answer:
        kept, refused = split(exchange)
        answer = exchange.forward(kept)
        if answer.status >= 300:  # the log group is not there yet: the whole batch comes again
            return answer
        world.ledger.swallowed[exchange.pipeline].update(refused)
        return Answer(200, answer.headers, partial(exchange, refused))

    with world.faulty(half, *PIPELINES):
        yield


def split(exchange: Exchange) -> tuple[Exchange, list[str]]:
    """Every other item goes on; the others are named."""
    items = exchange.items()
    refused = [item for stays, item in every_other(items) if not stays]
    if not refused:
        return exchange, []
    if exchange.pipeline == "logs":
        lines = ExportLogsServiceRequest.FromString(exchange.plain)
        for resource in lines.resource_logs:
            for scope in resource.scope_logs:
                left = [one for one in scope.log_records if one.body.string_value not in refused]
                del scope.log_records[:]
                scope.log_records.extend(left)
        body = lines.SerializeToString()
    elif exchange.is_otlp:
        request = ExportTraceServiceRequest.FromString(exchange.plain)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                left = [span for span in scope.spans if span.span_id.hex() not in refused]
                del scope.spans[:]
                scope.spans.extend(left)
        body = request.SerializeToString()
    else:
        document = json.loads(exchange.plain)
        name = "TraceSegmentDocuments"
        document[name] = [item for stays, item in every_other(document[name]) if stays]
        body = json.dumps(document).encode()
    headers = {name: value for name, value in exchange.headers.items() if name != "Content-Encoding"}
    headers["Content-Length"] = str(len(body))
    changed = Exchange(exchange.pipeline, exchange.method, exchange.path, headers, body, exchange.forward)
    return signed(changed), refused


def signed(exchange: Exchange) -> Exchange:
    """The collector's signature is of another body."""
    if exchange.pipeline == "honeycomb":
        return exchange
    service = "xray" if exchange.pipeline == "xray" else "logs"
    kept = ("host", "content-type", "content-length", "x-aws-log-group", "x-aws-log-stream")
    headers = {name: value for name, value in exchange.headers.items() if name.lower() in kept}
    url = f"http://{headers['Host']}{exchange.path}"
    request = AWSRequest(exchange.method, url, headers=headers, data=exchange.body)
    keys = Credentials(LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY)
    SigV4Auth(keys, service, LOCAL_AWS_REGION).add_auth(request)
    exchange.headers = dict(request.headers.items())
    return exchange


def partial(exchange: Exchange, refused: list[str]) -> bytes:
    """A 200 that says what was not taken, as each vendor says it."""
    if exchange.is_otlp:
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = len(refused)
        answer.partial_success.error_message = "event exceeds max event size"
        return bytes(answer.SerializeToString())
    if exchange.pipeline == "logs":
        lines = ExportLogsServiceResponse()
        lines.partial_success.rejected_log_records = len(refused)
        lines.partial_success.error_message = "too old"
        return bytes(lines.SerializeToString())
    unprocessed = [{"Id": one, "ErrorCode": "InvalidSegment", "Message": "refused"} for one in refused]
    return json.dumps({"UnprocessedTraceSegments": unprocessed}).encode()


@contextlib.contextmanager
def collector_killed(world: World, traffic: Traffic) -> Iterator[None]:
    """Several times, each time after some more has been acknowledged."""
    for _ in range(KILLS):
        seen = len(traffic.spans)
        more = world.random.randrange(1, 30)
        wait_for(lambda seen=seen, more=more: len(traffic.spans) > seen + more, TRAFFIC_SECONDS)
        world.collector.kill()
        world.collector.start()
    yield


@contextlib.contextmanager
def standins_killed(world: World, traffic: Traffic) -> Iterator[None]:
    for name in world.standins:
        seen = len(traffic.spans)
        world.kill_standin(name)
        wait_for(lambda seen=seen: len(traffic.spans) > seen + 30, TRAFFIC_SECONDS)
        world.start_standin(name)
    yield
