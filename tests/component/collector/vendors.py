"""The vendors as the collector sees them: they remember what came, and misbehave when told."""

import gzip
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, request
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

Fault = Callable[[], Response]
LEGS = ("honeycomb", "xray", "emf", "logs")


def plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(one) for one in value.array_value.values]
    return getattr(value, kind) if kind else None


@dataclass
class Vendors:
    """One app for all of them. `faults[leg]` makes what answers there instead."""

    spans: list[dict[str, Any]] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)  # what the map's log group got
    lines: list[dict[str, Any]] = field(default_factory=list)  # what the services' log group got
    raw: list[bytes] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    faults: dict[str, Fault] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def app(self) -> Flask:
        app = Flask("vendors")
        app.post("/v1/traces")(self._traces)
        app.post("/TraceSegments")(self._xray)
        app.post("/")(self._logs)
        app.post("/GetSamplingRules")(lambda: {"SamplingRuleRecords": []})
        return app

    def fail(self, status: int, *legs: str, error: str = "") -> None:
        """These legs (all if none is named) answer with this status until `heal`."""
        headers = {"x-amzn-errortype": error} if error else {}
        for leg in legs or LEGS:
            self.faults[leg] = lambda: Response("{}", status, headers, mimetype="application/json")

    def heal(self) -> None:
        self.faults.clear()

    def told(self) -> list[dict[str, Any]]:
        """The map's events without those that came twice: whose answer was slow is sent again, as it was."""
        return list({json.dumps(event): event for event in list(self.events)}.values())

    def calls(self) -> Counter[tuple[str, str, str]]:
        """The map as CloudWatch has it: calls per (client, server, kind of edge)."""
        counted: Counter[tuple[str, str, str]] = Counter()
        for event in self.told():
            key = event["client"], event["server"], event["connection_type"]
            counted[key] += event.get("traces_service_graph_request_total", 0)
        return counted

    def failed_calls(self) -> int:
        return sum(event.get("traces_service_graph_request_failed_total", 0) for event in self.told())

    def everything(self) -> bytes:
        with self._lock:
            return b"\n".join(self.raw)

    def _refusal(self, leg: str) -> Response | None:
        fault = self.faults.get(leg)
        if fault is not None:
            self.refused[leg] += 1
        return fault() if fault else None

    def _body(self) -> bytes:
        data = request.get_data()
        data = gzip.decompress(data) if request.headers.get("Content-Encoding") == "gzip" else data
        with self._lock:
            self.raw.append(data)
        return data

    def _traces(self) -> Response:
        """Honeycomb's OTLP door, and X-Ray's: who comes with a signature of AWS' means the second."""
        signature = request.headers.get("Authorization", "")
        return self._xray_otlp(signature) if signature.startswith("AWS4-") else self._honeycomb()

    def _xray_otlp(self, signature: str) -> Response:
        refusal = self._refusal("xray")
        if refusal:
            return refusal
        assert "/us-east-1/xray/aws4_request" in signature
        for resource in ExportTraceServiceRequest.FromString(self._body()).resource_spans:
            spans = [span for scope in resource.scope_spans for span in scope.spans]
            self.segments += [{"id": span.span_id.hex(), "name": span.name} for span in spans]
        return Response(b"", mimetype="application/x-protobuf")

    def _honeycomb(self) -> Response:
        refusal = self._refusal("honeycomb")
        if refusal:
            return refusal
        self.keys.add(request.headers.get("x-honeycomb-team"))
        for resource in ExportTraceServiceRequest.FromString(self._body()).resource_spans:
            about = {pair.key: plain(pair.value) for pair in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [
                    {
                        "service": about.get("service.name"),
                        "name": span.name,
                        "trace": span.trace_id.hex(),
                        "id": span.span_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        "status": span.status.code,
                        "nanoseconds": span.end_time_unix_nano - span.start_time_unix_nano,
                        **{pair.key: plain(pair.value) for pair in span.attributes},
                    }
                    for span in scope.spans
                ]
        return Response(b"", mimetype="application/x-protobuf")

    def _xray(self) -> Response:
        refusal = self._refusal("xray")
        if refusal:
            return refusal
        documents = json.loads(self._body())["TraceSegmentDocuments"]
        self.segments += [json.loads(document) for document in documents]
        return Response('{"UnprocessedTraceSegments": []}', mimetype="application/json")

    def _logs(self) -> Response:
        action = request.headers["X-Amz-Target"].rpartition(".")[2]
        body = json.loads(self._peek())
        is_map = body.get("logGroupName") == "/threemaps/servicemap"
        refusal = self._refusal("emf" if is_map else "logs")
        if refusal:
            return refusal
        self._body()
        if action == "PutLogEvents":
            target = self.events if is_map else self.lines
            target += [json.loads(event["message"]) for event in body["logEvents"]]
        return Response('{"nextSequenceToken": "1"}', mimetype="application/x-amz-json-1.1")

    def _peek(self) -> bytes:
        data = request.get_data()
        return gzip.decompress(data) if request.headers.get("Content-Encoding") == "gzip" else data
