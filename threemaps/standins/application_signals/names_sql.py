"""What Application Signals calls a span's operation, and whom and what it calls: SQL expressions.

The order in which attributes are asked, and the words for what nobody says, are those of AWS's distro
(`_aws_metric_attribute_generator.py`, `_aws_span_processing_util.py`). That reads the older HTTP conventions
only; here the newer ones are read beside them.
"""

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "HTTP")
INTERNAL_OPERATION = "InternalOperation"
UNKNOWN_OPERATION = "UnknownOperation"
UNKNOWN_REMOTE_SERVICE = "UnknownRemoteService"
UNKNOWN_REMOTE_OPERATION = "UnknownRemoteOperation"
DEFAULT_ENVIRONMENT = "generic:default"

# What AWS's SDKs call services whose name is not just AWS:: and the same.
_AWS_SERVICES = {
    "Bedrock Agent": "AWS::Bedrock",
    "Bedrock Agent Runtime": "AWS::Bedrock",
    "Bedrock Runtime": "AWS::BedrockRuntime",
    "Secrets Manager": "AWS::SecretsManager",
    "SFN": "AWS::StepFunctions",
}
_ATTRIBUTES = (
    *("http.method", "http.request.method", "http.target", "http.url", "url.path", "url.full"),
    *("rpc.system", "rpc.service", "rpc.method", "aws.lambda.function.name"),
    *("db.system", "db.system.name", "db.operation", "db.operation.name", "db.statement", "db.query.text"),
    *("faas.invoked_name", "faas.trigger", "messaging.system", "messaging.operation"),
    *("messaging.operation.type", "graphql.operation.type", "net.peer.name", "server.address"),
    *("net.peer.port", "server.port", "net.sock.peer.addr", "network.peer.address"),
    *("net.sock.peer.port", "network.peer.port"),
)
_URL = "^[a-zA-Z][a-zA-Z0-9+.-]*://"


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(f"'{text}'" for text in texts)


# The attributes above as a list, of the spans whose names they decide: of servers named after their method,
# and of calls whose names the collector did not set.
_SERVER_SAYS = f"kind = 2 AND local_operation IS NULL AND name IN ('', {_listed(METHODS)})"
_CALL_SAYS = "kind > 2 AND (coalesce(remote_service, peer_service) IS NULL OR remote_operation IS NULL)"


def spans_with_names(source: str = "spans") -> str:
    """Spans with what their names are made of; reading it out of the attributes is most of the work."""
    paths = _listed(tuple(f'$."{name}"' for name in _ATTRIBUTES))
    condition = f"({_SERVER_SAYS}) OR ({_CALL_SAYS})"
    said = f"CASE WHEN {condition} THEN json_extract_string(attributes, [{paths}]) END"
    return f"(SELECT *, {said} AS said FROM {source})"


def _said(*names: str) -> str:
    """The first of these attributes that a span has."""
    return f"coalesce({', '.join(f'said[{_ATTRIBUTES.index(name) + 1}]' for name in names)})"


def _path_of(url: str) -> str:
    return f"regexp_extract({url}, '{_URL}[^/?#]*([^?#]*)', 1)"


def _first_part(path: str) -> str:
    """Of a path: `/users` of `/users/7`."""
    return f"'/' || split_part({path}, '/', 2)"


def _cases(cases: dict[str, str]) -> str:
    return "CASE " + " ".join(f"WHEN {condition} THEN {value}" for condition, value in cases.items()) + " END"


_METHOD = _said("http.method", "http.request.method")
_URL_PATH = _path_of(_said("http.url", "url.full"))
_PATH = f"coalesce({_said('http.target')}, {_path_of(_said('http.url'))}, {_said('url.path')}, {_URL_PATH})"
_SEGMENT_METHOD = "json_extract_string(document, '$.http.request.method')"
_SEGMENT_PATH = _path_of("json_extract_string(document, '$.http.request.url')")

# Of a server span: its name, unless that says no more than the method; of a segment what was requested.
OPERATION = f"""CASE
    WHEN kind <> 2 THEN NULL
    WHEN local_operation IS NOT NULL THEN local_operation
    WHEN resource IS NULL THEN coalesce({_SEGMENT_METHOD} || ' ' || {_first_part(_SEGMENT_PATH)}, name)
    WHEN said IS NULL THEN name
    ELSE coalesce(
        coalesce({_METHOD} || ' ', '') || {_first_part(_PATH)}, nullif(name, ''), '{UNKNOWN_OPERATION}')
END"""

_RPC, _RPC_METHOD = _said("rpc.service"), _said("rpc.method")
_RPC_SERVICE = f"""CASE
    WHEN {_said("rpc.system")} IS DISTINCT FROM 'aws-api' THEN {_RPC}
    WHEN {_RPC} = 'Lambda' AND {_RPC_METHOD} = 'Invoke' THEN {_said("aws.lambda.function.name")}
    {" ".join(f"WHEN {_RPC} = '{sdk}' THEN '{name}'" for sdk, name in _AWS_SERVICES.items())}
    ELSE 'AWS::' || {_RPC} END"""
_DATABASE = _said("db.system", "db.system.name")
_IS_RPC = f"coalesce({_RPC}, {_RPC_METHOD}) IS NOT NULL"
_IS_DATABASE = (
    f"coalesce({_DATABASE}, {_said('db.operation', 'db.operation.name', 'db.statement')}) IS NOT NULL"
)
_IS_FUNCTION = f"{_said('faas.invoked_name', 'faas.trigger')} IS NOT NULL"
_IS_MESSAGE = f"{_said('messaging.system', 'messaging.operation', 'messaging.operation.type')} IS NOT NULL"
_IS_GRAPHQL = f"{_said('graphql.operation.type')} IS NOT NULL"


def _place(address: str, port: str) -> str:
    return f"{address} || coalesce(':' || {port}, '')"


_NETWORK = ", ".join(
    (
        _place(_said("net.peer.name", "server.address"), _said("net.peer.port", "server.port")),
        _place(
            _said("net.sock.peer.addr", "network.peer.address"),
            _said("net.sock.peer.port", "network.peer.port"),
        ),
        f"nullif(regexp_extract({_said('http.url', 'url.full')}, '{_URL}([^/?#]*)', 1), '')",
    )
)
_CALLED_SERVICE = _cases(
    {
        _IS_RPC: _RPC_SERVICE,
        _IS_DATABASE: _DATABASE,
        _IS_FUNCTION: _said("faas.invoked_name"),
        _IS_MESSAGE: _said("messaging.system"),
        _IS_GRAPHQL: "'graphql'",
    }
)
REMOTE_SERVICE = (
    f"coalesce(remote_service, peer_service, {_CALLED_SERVICE}, {_NETWORK}, '{UNKNOWN_REMOTE_SERVICE}')"
)

_STATEMENT = (
    f"nullif(regexp_extract(upper({_said('db.statement', 'db.query.text')}), '^\\s*([A-Z]+)', 1), '')"
)
_CALLED_OPERATION = _cases(
    {
        "remote_service IS NOT NULL": "NULL",
        _IS_RPC: _RPC_METHOD,
        _IS_DATABASE: f"coalesce({_said('db.operation', 'db.operation.name')}, {_STATEMENT})",
        _IS_FUNCTION: _said("faas.trigger"),
        _IS_MESSAGE: _said("messaging.operation", "messaging.operation.type"),
        _IS_GRAPHQL: _said("graphql.operation.type"),
    }
)
_HTTP = (
    f"{_METHOD} || ' ' || coalesce({_first_part(_URL_PATH)}, '{UNKNOWN_REMOTE_OPERATION}'), "
    f"{_first_part(_URL_PATH)}"
)
REMOTE_OPERATION = f"coalesce(remote_operation, {_CALLED_OPERATION}, {_HTTP}, '{UNKNOWN_REMOTE_OPERATION}')"
