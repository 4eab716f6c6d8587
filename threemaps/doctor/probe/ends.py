"""Where an exporter sends, with which headers, and whether Honeycomb takes the key: asked from in here."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

from . import channel, privacy

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any

TEAM = "x-honeycomb-team"
SECONDS = 5
made: dict[int, tuple[object, dict, str, object, str]] = {}  # type: ignore[type-arg]
asked: set[int] = set()


def remember(exporter: Any, given: Any, protocol: Any, place: Any, signal: Any = "traces") -> Any:
    """What the exporter's maker passed to it. Its headers' values leave the process no more."""
    for value in header_pairs(given.get("headers")).values():
        privacy.remember(value)
    made[id(exporter)] = (exporter, given, protocol, place, signal)


def made_with(exporter: Any) -> Any:
    """Facts on one exporter; only its type is known of one that is not OTLP's."""
    if id(exporter) not in made:
        return {"protocol": "", "place": None}
    _, given, protocol, place, signal = made[id(exporter)]
    headers = headers_of(exporter)
    endpoint = str(given.get("endpoint") or "")
    return {
        "protocol": protocol,
        "endpoint": endpoint or by_variable(protocol, signal),
        "endpoint_by_code": bool(endpoint),
        "headers": {name: privacy.shape(value) for name, value in headers.items()},
        "headers_by_code": given.get("headers") is not None,
        "insecure": given.get("insecure"),
        "timeout": given.get("timeout"),
        "place": place,
    }


def variables(signal: Any, what: Any) -> Any:
    """Those that say it, the one that counts first: that for the signal alone."""
    names = (f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}", f"OTEL_EXPORTER_OTLP_{what}")
    return [(name, os.environ[name]) for name in names if os.environ.get(name)]


def by_variable(protocol: Any, signal: Any) -> Any:
    is_grpc, path = protocol == "grpc", f"/v1/{signal}"
    for name, value in variables(signal, "ENDPOINT"):
        if value.strip():
            is_base = name == "OTEL_EXPORTER_OTLP_ENDPOINT" and not is_grpc
            return value.strip().rstrip("/") + path if is_base else value.strip()
    return "http://localhost:4317" if is_grpc else f"http://localhost:4318{path}"


def headers_of(exporter: Any) -> Any:
    _, given, _, _, signal = made[id(exporter)]
    if given.get("headers"):
        return header_pairs(given["headers"])
    return header_pairs(next((value for _, value in variables(signal, "HEADERS")), ""))


def header_pairs(headers: Any) -> Any:
    """From any way in which the exporters take them."""
    if headers is None:
        return {}
    if isinstance(headers, str):
        pairs = (pair.partition("=") for pair in headers.split(","))
        headers = [(unquote(name).strip(), unquote(value).strip()) for name, equals, value in pairs if equals]
    found = headers.items() if hasattr(headers, "items") else headers
    return {text(name).lower(): "" if value is None else text(value) for name, value in found}


def text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def ask_once(exporter: Any) -> Any:
    """`GET /1/auth` with the very key that the spans were sent with."""
    if id(exporter) in asked or id(exporter) not in made:
        return
    asked.add(id(exporter))
    key = headers_of(exporter).get(TEAM)
    if not key:
        return
    _, given, protocol, _, signal = made[id(exporter)]
    endpoint = str(given.get("endpoint") or by_variable(protocol, signal))
    if "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    channel.report("auth", exporter=channel.number_of(exporter), **answer_to(endpoint, key))


def answer_to(endpoint: Any, key: Any) -> Any:
    import http.client
    import json

    parts = urlsplit(endpoint)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
        connection.request("GET", "/1/auth", headers={TEAM: key, "User-Agent": "threemaps-doctor"})
        answer = connection.getresponse()
        body = json.loads(answer.read(100_000) or b"{}")
        connection.close()
    except Exception as error:  # noqa: BLE001
        return {"status": 0, "why": type(error).__name__}
    body = body if isinstance(body, dict) else {}
    access = body.get("api_key_access") or {}
    return {
        "status": answer.status,
        "type": str(body.get("type", "")),
        "team": str((body.get("team") or {}).get("slug", "")),
        "environment": str((body.get("environment") or {}).get("slug", "")),
        "access": sorted(name for name, allowed in access.items() if allowed),
        "why": str(body.get("error", "")),
    }
