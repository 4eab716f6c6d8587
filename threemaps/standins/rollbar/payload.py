"""What a payload has to hold, what it is called, and with which others it belongs together."""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

import orjson

from threemaps.standins.rollbar.exceptions import RefusedError

LEVELS = ("critical", "error", "warning", "info", "debug")
BODIES = ("trace", "trace_chain", "message", "crash_report", "telemetry")
MAX_TITLE = 255
MAX_FINGERPRINT = 40


@dataclass(frozen=True, slots=True)
class Occurrence:
    uuid: str
    title: str
    level: str
    environment: str
    fingerprint: str
    data: dict[str, Any]


def read_payload(data: object) -> Occurrence:
    if not isinstance(data, dict):
        raise RefusedError(422, "data is missing, or no object")
    body = data.get("body")
    if not isinstance(body, dict) or not any(body.get(name) for name in BODIES):
        raise RefusedError(422, f"data.body needs one of {', '.join(BODIES)}")
    _check_bodies(body)
    environment = data.get("environment")
    if not isinstance(environment, str) or not 0 < len(environment) <= 255:
        raise RefusedError(422, "data.environment has to be a text of 1 to 255 characters")
    level = data.get("level") or ("info" if body.get("message") else "error")
    if level not in LEVELS:
        raise RefusedError(422, f"data.level is none of {', '.join(LEVELS)}")
    given = data.get("uuid")
    return Occurrence(
        uuid=given if isinstance(given, str) and given else uuid.uuid4().hex,
        title=_title(data, body),
        level=str(level),
        environment=environment,
        fingerprint=_fingerprint(data, body),
        data=data,
    )


def _check_bodies(body: dict[str, Any]) -> None:
    chain = body.get("trace_chain")
    if chain is not None and not isinstance(chain, list):
        raise RefusedError(422, "data.body.trace_chain has to be a list")
    for trace in chain or ([body["trace"]] if body.get("trace") else []):
        if not isinstance(trace, dict) or not isinstance(trace.get("exception"), dict):
            raise RefusedError(422, "a trace needs an exception")
        if not isinstance(trace["exception"].get("class"), str) or not isinstance(trace.get("frames"), list):
            raise RefusedError(422, "a trace needs its exception's class and a list of frames")
    message = body.get("message")
    if message and not (isinstance(message, dict) and isinstance(message.get("body"), str)):
        raise RefusedError(422, "data.body.message needs a body")


def _title(data: dict[str, Any], body: dict[str, Any]) -> str:
    """The title that was given, else the exception, else the message's first line."""
    if isinstance(data.get("title"), str) and data["title"]:
        return str(data["title"])[:MAX_TITLE]
    trace = _trace(body)
    if trace:
        message = trace["exception"].get("message")
        name = trace["exception"]["class"]
        return (
            f"{name}: {message}"[:MAX_TITLE]
            if isinstance(message, str) and message
            else str(name)[:MAX_TITLE]
        )
    message = body.get("message")
    first_line = message["body"].partition("\n")[0] if message else ""
    return first_line[:MAX_TITLE] or "Unknown"


def _fingerprint(data: dict[str, Any], body: dict[str, Any]) -> str:
    """As given; else the exception's class and the way it took through the code; else the message.

    Line numbers and the exception's message do not count: they change while the error stays the same.
    """
    given = data.get("fingerprint")
    if isinstance(given, str) and given:
        return given if len(given) <= MAX_FINGERPRINT else _hash(given)
    trace = _trace(body)
    if trace:
        frames = [(frame.get("filename"), frame.get("method")) for frame in trace["frames"] if _is_map(frame)]
        return _hash([trace["exception"]["class"], frames])
    return _hash(_title(data, body))


def _trace(body: dict[str, Any]) -> dict[str, Any]:
    """Of a chain the first, which is the error that reached the top."""
    chain = body.get("trace_chain")
    trace: dict[str, Any] = chain[0] if chain else body.get("trace") or {}
    return trace


def _is_map(value: object) -> bool:
    return isinstance(value, dict)


def _hash(value: Any) -> str:
    return hashlib.sha1(orjson.dumps(value), usedforsecurity=False).hexdigest()
