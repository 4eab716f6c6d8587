"""Spans and log lines as fast as the collector takes them."""

import contextlib
import secrets
import time

import requests
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.component.collector.sending import call, pairs, payload

CALLS_AT_ONCE = 150
SPANS_A_CALL = 3
HEADERS = {"Content-Type": "application/x-protobuf"}
PAUSE = 0.2  # when the receivers refuse


class Load:
    """Calls from load-a to load-b; one log line a call."""

    def __init__(self, otlp_http: str) -> None:
        self._url = otlp_http
        self._session = requests.Session()
        self._spans = ParseDict(
            payload(one for _ in range(CALLS_AT_ONCE) for one in call("load-a", "load-b")),
            ExportTraceServiceRequest(),
        )
        record = {"severityText": "INFO", "body": {"stringValue": "somebody asked for the home page"}}
        given = {"resource": {"attributes": pairs({"service.name": "load-a"})}}
        self._lines = ParseDict(
            {"resourceLogs": [given | {"scopeLogs": [{"logRecords": [record] * CALLS_AT_ONCE}]}]},
            ExportLogsServiceRequest(),
        )
        self.spans = self.lines = self.refused = 0

    def send(self) -> None:
        """One batch of each, sent again until the collector acknowledges it, as SDKs do."""
        self._renew()
        self._post("traces", self._spans.SerializeToString())
        self._post("logs", self._lines.SerializeToString())
        self.spans += CALLS_AT_ONCE * SPANS_A_CALL
        self.lines += CALLS_AT_ONCE

    def _renew(self) -> None:
        """Other calls, just now."""
        now = time.time_ns()
        resources = self._spans.resource_spans
        callers, callees = (list(resource.scope_spans[0].spans) for resource in resources)
        for number, server in enumerate(callees):
            trace = int(now / 1e9).to_bytes(4, "big") + secrets.token_bytes(12)
            entry, client = callers[2 * number : 2 * number + 2]
            for span in (entry, client, server):
                span.trace_id, span.span_id = trace, secrets.token_bytes(8)
                span.start_time_unix_nano, span.end_time_unix_nano = now - 20_000_000, now
            client.parent_span_id, server.parent_span_id = entry.span_id, client.span_id
        for line in self._lines.resource_logs[0].scope_logs[0].log_records:
            line.time_unix_nano = now

    def _post(self, kind: str, body: bytes) -> None:
        while True:
            with contextlib.suppress(requests.ConnectionError):
                answer = self._session.post(f"{self._url}/v1/{kind}", data=body, headers=HEADERS, timeout=30)
                if answer.ok:
                    return
            self.refused += 1
            time.sleep(PAUSE)
