"""Spans and segments as SDKs send them, without an SDK."""

import base64
import json
import random
import secrets
import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any

import requests

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
ERROR = 2
Span = dict[str, Any]


def trace_id() -> str:
    """As X-Ray wants it: the first eight digits are the time."""
    return f"{int(time.time()):08x}{secrets.token_hex(12)}"


def span(
    service: str,
    kind: int,
    trace: str,
    parent: str = "",
    *,
    name: str = "GET",
    status: int = 0,
    attributes: dict[str, Any] | None = None,
    **more: Any,
) -> Span:
    now = time.time_ns()
    return {
        "service": service,
        "traceId": trace,
        "spanId": secrets.token_hex(8),
        "parentSpanId": parent,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(now - 20_000_000),
        "endTimeUnixNano": str(now - 10_000_000),
        "status": {"code": status},
        "attributes": pairs(attributes or {}),
        **more,
    }


def call(caller: str, callee: str, url: str = "http://127.0.0.1:8001/x", status: int = 200) -> list[Span]:
    """One request from outside to the caller, which calls the callee: three spans."""
    trace = trace_id()
    entry = span(caller, SERVER, trace)
    failed = ERROR if status >= 400 else 0
    told = {"url.full": url, "http.response.status_code": status}
    client = span(caller, CLIENT, trace, entry["spanId"], status=failed, attributes=told)
    server = span(callee, SERVER, trace, client["spanId"], status=ERROR if status >= 500 else 0)
    return [entry, client, server]


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value_of(value)} for key, value in attributes.items()]


def value_of(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [value_of(one) for one in value]}}
    return {"stringValue": str(value)}


def payload(spans: Iterable[Span]) -> dict[str, Any]:
    by_service: dict[str, list[Span]] = {}
    for one in spans:
        one = dict(one)
        by_service.setdefault(one.pop("service"), []).append(one)
    return {
        "resourceSpans": [
            {"resource": {"attributes": pairs({"service.name": service})}, "scopeSpans": [{"spans": group}]}
            for service, group in by_service.items()
        ]
    }


def in_base64(document: dict[str, Any]) -> dict[str, Any]:
    """For protobuf's own JSON, which has ids in base64 where OTLP's has them in hexadecimal digits."""
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for one in [
                *scope["spans"],
                *(link for span in scope["spans"] for link in span.get("links", [])),
            ]:
                for name in {"traceId", "spanId", "parentSpanId"} & one.keys():
                    one[name] = base64.b64encode(bytes.fromhex(one[name])).decode()
    return document


def send(otlp_http: str, spans: Sequence[Span]) -> None:
    """Raises where the collector does not acknowledge."""
    requests.post(f"{otlp_http}/v1/traces", json=payload(spans), timeout=20).raise_for_status()


def send_shuffled(otlp_http: str, spans: Sequence[Span], size: int = 7) -> None:
    """In small requests, in no order: the halves of a call come apart."""
    mixed = list(spans)
    random.Random(1).shuffle(mixed)
    for start in range(0, len(mixed), size):
        send(otlp_http, mixed[start : start + size])


def send_log(otlp_http: str, service: str, body: Any, trace: str = "", **attributes: Any) -> None:
    record = {
        "timeUnixNano": str(time.time_ns()),
        "severityText": "INFO",
        "severityNumber": 9,
        "body": value_of(body),
        "traceId": trace,
        "attributes": pairs(attributes),
    }
    log = {
        "resource": {"attributes": pairs({"service.name": service})},
        "scopeLogs": [{"scope": {"name": "test"}, "logRecords": [record]}],
    }
    requests.post(f"{otlp_http}/v1/logs", json={"resourceLogs": [log]}, timeout=20).raise_for_status()


def send_metric(otlp_http: str, service: str, name: str, value: int) -> None:
    point = {"timeUnixNano": str(time.time_ns()), "asInt": str(value)}
    metrics = {
        "resource": {"attributes": pairs({"service.name": service})},
        "scopeMetrics": [{"metrics": [{"name": name, "gauge": {"dataPoints": [point]}}]}],
    }
    body = {"resourceMetrics": [metrics]}
    requests.post(f"{otlp_http}/v1/metrics", json=body, timeout=20).raise_for_status()


def send_segment(port: int, segment: dict[str, Any]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        header = json.dumps({"format": "json", "version": 1})
        sender.sendto(f"{header}\n{json.dumps(segment)}".encode(), ("127.0.0.1", port))


def segment(name: str, trace: str, **more: Any) -> dict[str, Any]:
    now = time.time()
    return {
        "name": name,
        "id": secrets.token_hex(8),
        "trace_id": f"1-{trace[:8]}-{trace[8:]}",
        "start_time": now - 0.02,
        "end_time": now - 0.01,
        **more,
    }
