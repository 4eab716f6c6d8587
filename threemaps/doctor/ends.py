"""What stands at the address that an exporter really uses, and whether a trace can be read there again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from threemaps.basics.nearby import session_for
from threemaps.demo.health import wait_until
from threemaps.doctor.destination import GRPC, Destination
from threemaps.doctor.honeycomb import is_honeycomb
from threemaps.doctor.rules.base import State
from threemaps.errors import UserError
from threemaps.readers.traces import honeycomb_spans, xray_spans
from threemaps.settings import Settings

SECONDS = 3
ARRIVE_SECONDS = 12.0


@dataclass(frozen=True, slots=True)
class End:
    """`kind`: honeycomb, x-ray, collector, web or "". `takes_spans` is None where that could not be seen."""

    kind: str
    takes_spans: bool | None
    says: str


def end_of(there: Destination, auth: Mapping[str, Any] | None) -> End:
    """By its answers to questions that change nothing: /1/auth with the service's key, an empty export."""
    if auth and auth.get("status") == 200:
        who = f"team {auth['team']}" if auth.get("team") else "its team"
        where = f", environment {auth['environment']}" if auth.get("environment") else ""
        return End(
            "honeycomb",
            True,
            f"{there.base} is a Honeycomb, and takes the key ({auth.get('type') or 'a'} key of {who}{where})",
        )
    if is_honeycomb(there.host):
        return End("honeycomb", None, f"{there.base} is Honeycomb; its answer on the key was not got")
    if there.host.startswith("xray.") and ".amazonaws.com" in there.host:
        return End("x-ray", None, f"{there.base} is AWS X-Ray: it gives no answer without a signature")
    if there.protocol == GRPC:
        return End(
            "collector",
            True,
            f"{there.base} took the export over gRPC: a collector, or a backend that speaks OTLP",
        )
    return by_asking(there)


def by_asking(there: Destination) -> End:
    url = f"{there.base}{there.parts.path}"
    try:
        with session_for(url) as session:
            answer = session.post(
                url, b"", headers={"Content-Type": "application/x-protobuf"}, timeout=SECONDS
            )
    except (requests.RequestException, ValueError) as failure:
        return End("", None, f"{there.base} gave no answer to an empty export ({type(failure).__name__})")
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if answer.ok and kind in ("application/x-protobuf", "application/json"):
        return End("collector", True, f"{there.base} speaks OTLP: a collector, or a backend that takes it")
    if answer.ok:
        return End(
            "web",
            False,
            f"{there.base} answers 200 with {kind or 'no type'}, as no collector does",
        )
    return End("", None, f"{there.base} answers {answer.status_code} to an empty export")


def read_back(settings: Settings, end: End, there: Destination, trace: str) -> State:
    """Through the vendor's own API. Raises nothing: what could not be asked is said."""
    ours = {settings.url("otlp_grpc"), settings.url("otlp_http")}
    base = there.base.replace("localhost", "127.0.0.1")
    if end.kind == "honeycomb" and base == settings.honeycomb_api.replace("localhost", "127.0.0.1"):
        return held(["Honeycomb"], settings, trace)
    if base in ours:
        return held(["Honeycomb", "X-Ray"], settings, trace)
    if end.kind == "honeycomb":
        return State(
            None, f"reading trace {trace} back: HONEYCOMB_API_ENDPOINT is another address than {there.base}"
        )
    return State(None, f"what {there.base} does with trace {trace}: nobody here has an API to ask it by")


def held(backends: list[str], settings: Settings, trace: str) -> State:
    readers = {
        "Honeycomb": lambda: honeycomb_spans(settings, trace, datetime.now(UTC)),
        "X-Ray": lambda: xray_spans(settings, trace),
    }
    for backend in backends:
        try:
            if not wait_until(lambda backend=backend: bool(readers[backend]()), ARRIVE_SECONDS):  # type: ignore[misc]
                return State(False, f"{backend} has no span of trace {trace} after {ARRIVE_SECONDS:.0f} s")
        except UserError as error:
            return State(None, f"reading trace {trace} back from {backend}: {error.message}")
    return State(
        True, f"{' and '.join(backends)} {'has' if len(backends) == 1 else 'have'} the trace {trace}"
    )
