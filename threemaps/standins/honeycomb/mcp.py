"""Honeycomb's MCP server: tools for coding assistants over streamable HTTP, with a management key or OAuth.

No tool here says anything before its answer is whole, so each answer is plain JSON, which the transport
allows, and no session has to be kept.
"""

from typing import Any

from flask import Blueprint, request
from itsdangerous import BadData
from werkzeug.wrappers import Response

from threemaps import __version__
from threemaps.standins.honeycomb.checks import MAX_BODY_BYTES
from threemaps.standins.honeycomb.exceptions import HoneycombError
from threemaps.standins.honeycomb.keys import is_management_key
from threemaps.standins.honeycomb.mcp_tools import ToolError, Tools
from threemaps.standins.honeycomb.oauth import access_of, challenge
from threemaps.standins.http import json_answer, parse_json, read_body

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32600, -32601, -32602


def mcp_blueprint(tools: Tools) -> Blueprint:
    blueprint = Blueprint("mcp", __name__)

    @blueprint.post("/mcp")
    def post() -> Response:
        authorization = request.headers.get("Authorization", "")
        if not is_management_key(authorization) and not access_of(authorization):
            return Response(status=401, headers={"WWW-Authenticate": challenge()})
        data = read_body(request, limit=MAX_BODY_BYTES, decoded_limit=MAX_BODY_BYTES)
        message = parse_json(data)
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            return json_answer(_error(None, INVALID_REQUEST, "this is no JSON-RPC request"), 400)
        if "id" not in message:
            return Response(status=202)
        return json_answer(_answer(tools, message))

    @blueprint.get("/query_results/<token>")
    def result(token: str) -> Response:
        """The address is the permission: whoever has it may read for as long as it holds."""
        try:
            return json_answer(tools.signed_result(token))
        except BadData as error:
            raise HoneycombError(403, "this address has expired or was never given") from error

    return blueprint


def _answer(tools: Tools, message: dict[str, Any]) -> dict[str, Any]:
    method, parameters = message["method"], message.get("params")
    parameters = parameters if isinstance(parameters, dict) else {}
    if method == "initialize":
        return _result(message, _greeting(parameters))
    if method == "ping":
        return _result(message, {})
    if method == "tools/list":
        return _result(message, {"tools": tools.described()})
    if method == "tools/call":
        return _called(tools, message, parameters)
    return _error(message["id"], METHOD_NOT_FOUND, f"there is no method {method[:80]!r}")


def _greeting(parameters: dict[str, Any]) -> dict[str, Any]:
    """The version that the client speaks, if it is known, else the newest that is."""
    wanted = parameters.get("protocolVersion")
    return {
        "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "honeycomb (threemaps, local)", "version": __version__},
    }


def _called(tools: Tools, message: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with the arguments is for the assistant to read: an answer that is marked as an error."""
    name, arguments = parameters.get("name"), parameters.get("arguments") or {}
    if not isinstance(name, str) or name not in tools.names or not isinstance(arguments, dict):
        return _error(message["id"], INVALID_PARAMS, f"there is no tool {str(name)[:80]!r}")
    try:
        text, failed = tools.call(name, arguments), False
    except (ToolError, HoneycombError) as error:
        text, failed = _reason(error), True
    return _result(message, {"content": [{"type": "text", "text": text}], "isError": failed})


def _reason(error: ToolError | HoneycombError) -> str:
    field = error.field if isinstance(error, HoneycombError) else None
    return f"{field}: {error}" if field else str(error)


def _result(message: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def _error(key: Any, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": key, "error": {"code": code, "message": text}}
