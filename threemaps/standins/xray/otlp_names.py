"""What a span is in X-Ray's map: whether it begins its process's part of a trace, and its node's name."""

import re
from typing import Any
from urllib.parse import urlsplit

from threemaps.standins.xray.otlp_values import CLIENT, CONSUMER, PRODUCER, SERVER, Attributes, text
from threemaps.standins.xray.segments import LONGEST_NAME, NAME_CHARACTERS

REMOTE_PARENT = 0x300  # flags: it is known where the parent is, and it is in another process
LOCAL_SERVICE, REMOTE_SERVICE = "aws.local.service", "aws.remote.service"
LOCAL_ROOT = ("aws.span.kind", "LOCAL_ROOT")
UNKNOWN_SERVICE = "unknown_service"
NO_NAME = re.compile(rf"[^{NAME_CHARACTERS}]")
NO_NAME_OF_A_SPAN = re.compile(r"[^\w .:/%&#=+\-@]")
MESSAGES_AND_CALLS = (CLIENT, PRODUCER, CONSUMER)


def is_segment(span: Any, attributes: Attributes) -> bool:
    return span.kind in (SERVER, CONSUMER) or starts_in(span, attributes)


def starts_in(span: Any, attributes: Attributes) -> bool:
    """Whether it is the first span of its process in a trace, and its kind does not say so."""
    if attributes.get(LOCAL_ROOT[0]) == LOCAL_ROOT[1]:
        return True
    is_first = not span.parent_span_id or span.flags & REMOTE_PARENT == REMOTE_PARENT
    return is_first and span.kind not in (SERVER, CONSUMER)


def name_of(span: Any, attributes: Attributes, service: str) -> str:
    """A segment has its service's name, a call that of whom it calls."""
    is_call = span.kind in MESSAGES_AND_CALLS
    if is_call and text(attributes.get(REMOTE_SERVICE)):
        return callee_of(attributes)
    if is_segment(span, attributes) and not (is_call and starts_in(span, attributes)):
        return service_name(attributes, service)
    later = ("rpc.service", "http.host", "net.peer.name")
    name = (
        _first(attributes, "peer.service", "aws.service")
        or _database(attributes)
        or _first(attributes, *later)
    )
    return _fit(name) if name else NO_NAME_OF_A_SPAN.sub("", span.name)[:LONGEST_NAME] or "span"


def service_name(attributes: Attributes, service: str) -> str:
    return _fit(text(attributes.get(LOCAL_SERVICE)) or service or UNKNOWN_SERVICE)


def callee_of(attributes: Attributes) -> str:
    name = text(attributes.get(REMOTE_SERVICE))
    if attributes.get("rpc.system") == "aws-api":
        name = name.removeprefix("AWS.SDK.") if name.startswith("AWS.SDK.") else name.removeprefix("AWS::")
    return _fit(name)


def namespace_of(span: Any, attributes: Attributes) -> str:
    """Of a call: one of AWS' own services, or anything else in another process."""
    is_named = bool(_first(attributes, REMOTE_SERVICE, "peer.service"))
    if attributes.get("rpc.system") == "aws-api" or ("aws.service" in attributes and not is_named):
        return "aws"
    return "remote" if span.kind in (CLIENT, PRODUCER) else ""


def _first(attributes: Attributes, *names: str) -> str:
    return next(filter(None, (text(attributes.get(name)) for name in names)), "")


def _database(attributes: Attributes) -> str:
    """Its name, at its host."""
    name = text(attributes.get("db.name"))
    try:
        host = urlsplit(text(attributes.get("db.connection_string")).removeprefix("jdbc:")).hostname
    except ValueError:
        host = None
    return f"{name}@{host}" if name and host else name


def _fit(name: str) -> str:
    """A name that X-Ray takes."""
    return NO_NAME.sub("_", name)[:LONGEST_NAME] or "span"
