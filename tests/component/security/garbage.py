"""A server that answers as the vendors do, but for one change: what readers must not stumble over."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TRACE = "1-65e5a1b0-aaaaaaaaaaaaaaaaaaaaaaaa"
STAMP = 1_772_600_000.0
SEGMENT = {
    "id": "aaaaaaaaaaaaaaaa",
    "name": "a",
    "trace_id": TRACE,
    "start_time": STAMP,
    "end_time": STAMP + 1,
    "subsegments": [{"id": "b" * 16, "name": "b", "start_time": STAMP, "end_time": STAMP, "fault": True}],
}
SPAN = {
    "traceId": TRACE.replace("-", "")[1:],
    "spanId": "a" * 16,
    "kind": "CLIENT",
    "startTimeUnixNano": int(STAMP) * 10**9,
    "endTimeUnixNano": int(STAMP) * 10**9 + 5,
    "attributes": {"aws.local.service": "a", "aws.remote.service": "b", "http.response.status_code": 500},
    "resource": {"attributes": {"service.name": "a"}},
    "status": {"code": "ERROR"},
}
LINE = {
    "body": "said",
    "severity_text": "ERROR",
    "resource": {"service.name": "a"},
    "attributes": {"exception.type": "ValueError", "exception.message": "no"},
}
STATISTICS = {"TotalCount": 3, "FaultStatistics": {"TotalCount": 1}, "TotalResponseTime": 0.5}
EDGE = {
    "ReferenceId": 1,
    "SummaryStatistics": STATISTICS,
    "ResponseTimeHistogram": [{"Value": 0.1, "Count": 3}],
}
OWN = [{"Name": "Environment", "Value": "e"}, {"Name": "Service", "Value": "a"}]
CALLED = [*OWN, {"Name": "RemoteService", "Value": "b"}]


def references(dimensions: list[dict[str, str]]) -> list[dict[str, Any]]:
    about = {"Namespace": "ApplicationSignals", "Dimensions": dimensions}
    return [about | {"MetricType": name.upper(), "MetricName": name} for name in ("Latency", "Fault")]


# Operation → a good answer. Those of AWS go by their path or their target.
GOOD: dict[str, Any] = {
    "/1/auth": {"type": "configuration", "api_key_access": {"events": True}, "team": {"slug": "t"}},
    "/1/maps/dependencies/requests": {"request_id": "r"},
    "/1/maps/dependencies/requests/r": {
        "status": "ready",
        "dependencies": [{"parent_node": {"name": "a"}, "child_node": {"name": "b"}, "call_count": 3}],
        "links": {"next": None},
    },
    "/1/datasets": [{"slug": "d", "last_written_at": "2026-03-04T05:00:00Z"}],
    "/1/columns/d": [{"key_name": "c", "last_written": "2026-03-04T05:00:00Z"}],
    "/1/queries/__all__": {"id": "q"},
    "/1/query_results/__all__": {
        "id": "q",
        "complete": True,
        "data": {
            "results": [
                {"data": {"COUNT": 1, "trace.span_id": "a", "service.name": "a", "duration_ms": 1.5}}
            ],
            "series": [
                {
                    "time": "2026-03-04T05:00:00Z",
                    "data": {
                        "P90(duration_ms)": 3,
                        "HEATMAP(duration_ms)": [{"min": 0, "max": 1, "count": 2}],
                    },
                }
            ],
        },
        "links": {"query_url": "https://ui.honeycomb.io/x"},
    },
    "/ServiceGraph": {
        "Services": [
            {"ReferenceId": 0, "Name": "a", "Type": "AWS::EC2::Instance", "Edges": [EDGE], "State": "active"},
            {"ReferenceId": 1, "Name": "b", "Type": "remote", "Edges": []},
        ]
    },
    "/Traces": {"Traces": [{"Id": TRACE, "Segments": [{"Id": "a", "Document": json.dumps(SEGMENT)}]}]},
    "/TraceSummaries": {"TraceSummaries": [{"Id": TRACE, "Duration": 1.0, "ServiceIds": [{"Name": "a"}]}]},
    "/TimeSeriesServiceStatistics": {
        "TimeSeriesServiceStatistics": [{"Timestamp": STAMP, "EdgeSummaryStatistics": STATISTICS}]
    },
    "/SamplingStatisticSummaries": {
        "SamplingStatisticSummaries": [{"RuleName": "r", "RequestCount": 9, "SampledCount": 3}]
    },
    "/GetSamplingRules": {
        "SamplingRuleRecords": [{"SamplingRule": {"RuleName": "r", "Priority": 1, "FixedRate": 0.5}}]
    },
    "/Groups": {"Groups": [{"GroupName": "g", "FilterExpression": "fault"}]},
    "/GetTraceSegmentDestination": {"Destination": "CloudWatchLogs", "Status": "ACTIVE"},
    "/GetIndexingRules": {
        "IndexingRules": [
            {"Name": "Default", "Rule": {"Probabilistic": {"DesiredSamplingPercentage": 50.0}}},
        ]
    },
    "/services": {
        "ServiceSummaries": [
            {
                "KeyAttributes": {"Type": "Service", "Name": "a", "Environment": "e"},
                "MetricReferences": references(OWN),
            }
        ]
    },
    "/service-dependencies": {
        "ServiceDependencies": [
            {
                "OperationName": "GET /",
                "DependencyKeyAttributes": {"Type": "RemoteService", "Name": "b"},
                "DependencyOperationName": "GET /",
                "MetricReferences": references(CALLED),
            }
        ]
    },
    "GetMetricData": {
        "MetricDataResults": [
            {"Id": f"q{number}", "Label": "l", "StatusCode": "Complete", "Timestamps": [STAMP], "Values": [3]}
            for number in range(8)
        ]
    },
    "FilterLogEvents": {
        "events": [
            {"logStreamName": "s", "timestamp": 1, "message": json.dumps(SPAN), "eventId": "1"},
            {"logStreamName": "s", "timestamp": 2, "message": json.dumps(LINE), "eventId": "2"},
        ]
    },
    "DescribeLogStreams": {"logStreams": [{"logStreamName": "collector"}]},
    "/api/1/instances": {
        "err": 0,
        "result": {
            "instances": [
                {
                    "item_id": 7,
                    "data": {
                        "custom": {"trace_id": TRACE.replace("-", "")[1:], "service": "a"},
                        "body": {"trace": {"exception": {"class": "E", "message": "no"}}},
                    },
                }
            ]
        },
    },
}
IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/u</Arn><UserId>u</UserId>"
    b"<Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)

Change = Callable[[bytes], bytes]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document, those inside JSON texts too."""
    yield path
    inner = unpacked(value)
    pairs = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
    for key, child in pairs:
        yield from places(child, (*path, key))


def unpacked(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with something else at that place."""
    if not path:
        return new
    inner = unpacked(value)
    copy = dict(inner) if isinstance(inner, dict) else list(inner)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return json.dumps(copy) if isinstance(value, str) else copy


def changed_at(number: int, new: Any) -> Change:
    def change(good: bytes) -> bytes:
        try:
            document = json.loads(good)
        except ValueError:  # XML
            return good.replace(b"u", str(new).encode("utf-8", "replace"))
        found = list(places(document))
        return json.dumps(replaced(document, found[number % len(found)], new)).encode()

    return change


class Garbage:
    """`change`, `status`, `headers` and `broken_off` hold for every answer until they are set anew."""

    def __init__(self) -> None:
        self.reset()
        owner = self

        class Handler(_Handler):
            garbage = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def reset(self) -> None:
        self.change: Change = lambda good: good
        self.status = 200
        self.headers: dict[str, str] = {}
        self.broken_off = self.endless = False
        self.pages = 0

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits 40 ms for the head's acknowledgement
    garbage: Garbage

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        document = GOOD.get(target or self.path.partition("?")[0].rstrip("/"))
        good = IDENTITY if document is None else json.dumps(document).encode()
        body = self.garbage.change(good)
        self.send_response(self.garbage.status)
        for name, value in ({"Content-Type": "application/json"} | self.garbage.headers).items():
            self.send_header(name, value)
        length = "1000000000000" if self.garbage.endless else str(len(body) + 7 * self.garbage.broken_off)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body)
        while self.garbage.endless:
            self.wfile.write(b" " * 65_536)
        self.close_connection = self.garbage.broken_off or self.close_connection

    do_GET = do_POST = do_HEAD = _answer  # noqa: N815

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            time.sleep(0)  # who had enough has gone

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""
