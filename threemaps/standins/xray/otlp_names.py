"""What a span is called in X-Ray's map: a segment like its service, a call like whom it calls. Pure."""

import re
from urllib.parse import urlsplit

from threemaps.standins.spans.span import CLIENT, CONSUMER, PRODUCER, SERVER, UNKNOWN_SERVICE, Attributes
from threemaps.standins.xray.otlp_values import text
from threemaps.standins.xray.segments import LONGEST_NAME, NAME_CHARACTERS

LOCAL_SERVICE, REMOTE_SERVICE = "aws.local.service", "aws.remote.service"
LOCAL_ROOT = "LOCAL_ROOT"  # a value of aws.span.kind
# All that a name may follow from.
NAMING = (
    *(LOCAL_SERVICE, REMOTE_SERVICE, "peer.service", "aws.service", "db.name", "db.connection_string"),
    *("rpc.service", "rpc.system", "http.host", "net.peer.name"),
)
NO_NAME = re.compile(rf"[^{NAME_CHARACTERS}]")
NO_NAME_OF_A_SPAN = re.compile(r"[^\w .:/%&#=+\-@]")
MESSAGES_AND_CALLS = (CLIENT, PRODUCER, CONSUMER)
REQUESTS_AND_MESSAGES = (SERVER, CONSUMER)


def name_of(kind: int, starts: bool, span_name: str, attributes: Attributes, service: str) -> str:
    """`starts`: it is the first span of its process in a trace, and its kind does not say so."""
    is_call = kind in MESSAGES_AND_CALLS
    if is_call and text(attributes.get(REMOTE_SERVICE)):
        return callee_of(attributes)
    if (kind in REQUESTS_AND_MESSAGES or starts) and not (is_call and starts):
        return service_name(attributes, service)
    later = ("rpc.service", "http.host", "net.peer.name")
    name = (
        _first(attributes, "peer.service", "aws.service")
        or _database(attributes)
        or _first(attributes, *later)
    )
    return _fit(name) if name else NO_NAME_OF_A_SPAN.sub("", span_name)[:LONGEST_NAME] or "span"


def service_name(attributes: Attributes, service: str) -> str:
    return _fit(text(attributes.get(LOCAL_SERVICE)) or service or UNKNOWN_SERVICE)


def callee_of(attributes: Attributes) -> str:
    name = text(attributes.get(REMOTE_SERVICE))
    if attributes.get("rpc.system") == "aws-api":
        name = name.removeprefix("AWS.SDK.") if name.startswith("AWS.SDK.") else name.removeprefix("AWS::")
    return _fit(name)


def namespace_of(kind: int, attributes: Attributes) -> str:
    """Of a call: one of AWS' own services, or anything else in another process."""
    is_named = bool(_first(attributes, REMOTE_SERVICE, "peer.service"))
    if attributes.get("rpc.system") == "aws-api" or ("aws.service" in attributes and not is_named):
        return "aws"
    return "remote" if kind in (CLIENT, PRODUCER) else ""


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
