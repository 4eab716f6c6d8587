"""What stands at the address that an exporter really uses, and whether a trace can be read there again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import Any

import requests

from threemaps.basics.nearby import session_for
from threemaps.demo.health import wait_until
from threemaps.doctor.destination import GRPC, Destination
from threemaps.doctor.honeycomb import is_honeycomb
from threemaps.doctor.rules.base import State
from threemaps.doctor.wire import Answer, ask
from threemaps.errors import UserError
from threemaps.readers.traces import honeycomb_spans, xray_spans
from threemaps.settings import Settings

SECONDS = 3
ARRIVE_SECONDS = 12.0


class Standing(Enum):
    """What answers at an address to what an exporter would send there."""

    NOBODY = "nothing answers"
    NO_TLS = "it speaks no TLS"
    OTHER_PROTOCOL = "it speaks the other protocol"
    UNKNOWN_PATH = "it knows no such path"
    PAGE = "it answers anything with a page"
    OTLP = "it speaks OTLP"
    UNCLEAR = "its answer says nothing"


def standing_at(there: Destination) -> Standing:
    """Asked with questions that change nothing: an empty export is no data."""
    is_grpc = there.protocol == GRPC
    answer = ask(there.host, there.port, there.is_secure, is_grpc)
    if answer is Answer.SILENT:
        speaks = there.is_secure and ask(there.host, there.port, False, is_grpc) is not Answer.SILENT
        return Standing.NO_TLS if speaks else Standing.NOBODY
    if answer is (Answer.HTTP1 if is_grpc else Answer.HTTP2):
        return Standing.OTHER_PROTOCOL
    return Standing.OTLP if is_grpc else by_export(there.url)


def by_export(url: str) -> Standing:
    headers = {"Content-Type": "application/x-protobuf"}
    try:
        with session_for(url) as session, session.post(url, b"", headers=headers, timeout=SECONDS) as answer:
            kind = answer.headers.get("Content-Type", "").partition(";")[0]
            if answer.status_code in (404, 405, 501):
                return Standing.UNKNOWN_PATH
            if not answer.ok:
                return Standing.UNCLEAR
            takes = kind in ("application/x-protobuf", "application/json")
            return Standing.OTLP if takes else Standing.PAGE
    except (requests.RequestException, ValueError):
        return Standing.UNCLEAR


@dataclass(frozen=True, slots=True)
class End:
    """`kind`: honeycomb, x-ray, collector, web or "". `takes_spans` is None where that could not be seen."""

    kind: str
    takes_spans: bool | None
    says: str


def end_of(there: Destination, standing: Standing, auth: Mapping[str, Any] | None) -> End:
    """By its answers, and that of /1/auth to the service's key."""
    if auth and auth.get("status") == 200:
        who = f"team {auth['team']}" if auth.get("team") else "its team"
        where = f", environment {auth['environment']}" if auth.get("environment") else ""
        key = f"{auth.get('type') or 'a'} key of {who}{where}"
        return End("honeycomb", True, f"{there.base} is a Honeycomb, and takes the key ({key})")
    if is_honeycomb(there.host):
        return End("honeycomb", None, f"{there.base} is Honeycomb; its answer on the key was not got")
    if there.host.startswith("xray.") and ".amazonaws.com" in there.host:
        return End("x-ray", None, f"{there.base} is AWS X-Ray: it gives no answer without a signature")
    if standing is Standing.OTLP:
        return End("collector", True, f"{there.base} speaks OTLP: a collector, or a backend that takes it")
    if standing is Standing.PAGE:
        return End("web", False, f"{there.base} answers 200 with a page, as no collector does")
    return End("", None, f"what stands at {there.base}: to an empty export {standing.value}")


def read_back(settings: Settings, end: End, there: Destination, trace: str) -> State:
    """Through the vendor's own API. Raises nothing: what could not be asked is said."""
    ours = {settings.url("otlp_grpc"), settings.url("otlp_http")}
    base = there.base.replace("localhost", "127.0.0.1")
    if end.kind == "honeycomb" and base == settings.honeycomb_api.replace("localhost", "127.0.0.1"):
        return held(["Honeycomb"], settings, trace)
    if base in ours:
        return held(["Honeycomb", "X-Ray"], settings, trace)
    if end.kind == "honeycomb":
        why = f"HONEYCOMB_API_ENDPOINT is another address than {there.base}"
        return State(None, f"reading trace {trace} back: {why}")
    return State(None, f"what {there.base} does with trace {trace}: nobody here has an API to ask it by")


def held(backends: list[str], settings: Settings, trace: str) -> State:
    for backend in backends:
        try:
            if not wait_until(partial(has, backend, settings, trace), ARRIVE_SECONDS):
                return State(False, f"{backend} has no span of trace {trace} after {ARRIVE_SECONDS:.0f} s")
        except UserError as error:
            return State(None, f"reading trace {trace} back from {backend}: {error.message}")
    have = "has" if len(backends) == 1 else "have"
    return State(True, f"{' and '.join(backends)} {have} the trace {trace}")


def has(backend: str, settings: Settings, trace: str) -> bool:
    if backend == "Honeycomb":
        return bool(honeycomb_spans(settings, trace, datetime.now(UTC)))
    return bool(xray_spans(settings, trace))
