"""The `http`, `sql` and `cause` blocks of a segment, and its flags, from a span's attributes. Pure.

As the exporter `awsxray` makes them, in opentelemetry-collector-contrib 0.152.0.
"""

from functools import lru_cache
from ipaddress import ip_address

from threemaps.standins.spans.span import CLIENT, PRODUCER, SERVER, STATUS_ERROR, Attributes, Span
from threemaps.standins.xray.entities import Entity
from threemaps.standins.xray.otlp_values import made_id, present, text, whole

# What an attribute says of a request; the older conventions' name and the newer one's.
HTTP = {
    "http.method": "method",
    "http.request.method": "method",
    "http.client_ip": "forwarded_ip",
    "client.address": "client_address",
    "http.user_agent": "user_agent",
    "user_agent.original": "user_agent",
    "http.status_code": "status",
    "http.response.status_code": "status",
    "http.url": "url",
    "url.full": "url",
    "http.scheme": "scheme",
    "url.scheme": "scheme",
    "http.host": "host",
    "http.target": "target",
    "http.server_name": "server_name",
    "net.host.name": "net_host",
    "net.host.port": "net_host_port",
    "host.name": "host_name",
    "net.peer.name": "peer_name",
    "net.peer.port": "peer_port",
    "net.peer.ip": "peer_ip",
    "network.peer.address": "peer_address",
    "url.path": "path",
    "url.query": "query",
    "server.address": "server_address",
    "server.port": "server_port",
}
# Any of these makes it an HTTP request, and any of those says where it went.
IS_HTTP = frozenset(
    (
        *("method", "forwarded_ip", "user_agent", "status", "url", "scheme", "host", "target", "server_name"),
        *("net_host_port", "path", "query", "server_port"),
    )
)
IS_PLACE = frozenset(
    ("url", "host", "server_name", "net_host", "host_name", "peer_name", "peer_ip", "server_address")
)
DEFAULT_PORTS = {"http": "80", "https": "443"}

SQL = ("db.connection_string", "db.system", "db.name", "db.statement", "db.user")
SQL_SYSTEMS = frozenset(
    (
        *("db2", "derby", "hive", "mariadb", "mssql", "mysql", "oracle", "postgresql", "sqlite"),
        *("teradata", "other_sql"),
    )
)


def http_block(attributes: Attributes, kind: int) -> Entity | None:
    said = {HTTP[name]: value for name, value in attributes.items() if name in HTTP}
    peer = _address(text(said.get("peer_address")))
    client = _address(text(said.get("client_address"))) or text(said.get("forwarded_ip"))
    if IS_HTTP.isdisjoint(said):
        return None
    has_peer = bool(peer or "peer_ip" in said)
    request = present(
        method=text(said.get("method")),
        url=None if IS_PLACE.isdisjoint(said) and not peer else _url(said, kind),
        user_agent=text(said.get("user_agent")),
        client_ip=client or text(said.get("peer_ip")) or peer,
        x_forwarded_for=True if client and not has_peer else None,
    )
    response = {"status": whole(said["status"])} if "status" in said else {}
    return {"request": request, "response": {**response, "content_length": 0}}


@lru_cache(maxsize=2_000)
def _address(name: str) -> str:
    """Where it is no name of a host."""
    try:
        return name if ip_address(name) else ""
    except ValueError:
        return ""


def _url(said: Attributes, kind: int) -> str:
    if "url" in said:
        return text(said["url"])
    scheme = text(said.get("scheme", "http"))
    host, port = _server_place(said) if kind == SERVER else _callee_place(said)
    port = "" if not port or port == DEFAULT_PORTS.get(scheme) else f":{port}"
    return f"{scheme}://{host}{port}{_path(said)}"


def _server_place(said: Attributes) -> tuple[str, str]:
    if "host" in said:
        return text(said["host"]), ""
    names = ("server_name", "net_host", "host_name", "server_address")
    return _first(said, *names), _first(said, "net_host_port", "server_port")


def _callee_place(said: Attributes) -> tuple[str, str]:
    if "host" in said:
        return text(said["host"]), ""
    return _first(said, "peer_name", "peer_ip", "server_address"), _first(said, "peer_port", "server_port")


def _first(said: Attributes, *names: str) -> str:
    """The first that is there, as text; ports are numbers."""
    value = next((said[name] for name in names if name in said), "")
    return str(value) if type(value) is int else text(value)


def _path(said: Attributes) -> str:
    if "target" in said:
        return text(said["target"])
    query = text(said.get("query")).removeprefix("?")
    return text(said.get("path", "/")) + (f"?{query}" if "query" in said else "")


def is_sql(attributes: Attributes) -> bool:
    return text(attributes.get("db.system")) in SQL_SYSTEMS


def sql_block(attributes: Attributes, span_name: str) -> Entity | None:
    if not is_sql(attributes):
        return None
    server = text(attributes.get("db.connection_string")) or "localhost"
    return present(
        url=span_name,
        connection_string=f"{server}/{text(attributes.get('db.name'))}",
        database_type=text(attributes.get("db.system")),
        user=text(attributes.get("db.user")),
        sanitized_query=text(attributes.get("db.statement")),
    )


def flags(attributes: Attributes, status: int) -> Entity:
    code = attributes.get("http.status_code", attributes.get("http.response.status_code"))
    return flags_of_status(whole(code), status)


def flags_of_status(code: int, status: int) -> dict[str, bool]:
    """By the HTTP status where there is one that says anything, else by the span's own."""
    is_error = 400 <= code < 500
    is_fault = 500 <= code < 600 or (status == STATUS_ERROR and not 400 <= code < 600)
    return {"fault": is_fault, "error": is_error, "throttle": code == 429}


def cause_block(span: Span) -> Entity | None:
    """The exceptions that a span's events hold, else its status' message."""
    thrown = [event.attributes for event in span.events if event.name == "exception"]
    if thrown:
        remote = span.kind in (CLIENT, PRODUCER)
        exceptions = [_exception(span, number, said, remote) for number, said in enumerate(thrown)]
        return {"exceptions": exceptions}
    if span.status != STATUS_ERROR:
        return None
    message = span.message or text(span.attributes.get("http.status_text"))
    return {"exceptions": [{"id": made_id(span, "status"), "message": message}]} if message else None


def _exception(span: Span, number: int, said: Attributes, remote: bool) -> Entity:
    kind, message = (text(said.get(f"exception.{name}")) for name in ("type", "message"))
    return present(id=made_id(span, f"exception {number}"), type=kind, message=message, remote=remote)
