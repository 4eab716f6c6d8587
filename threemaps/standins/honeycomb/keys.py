"""API keys: an ingest key sends, a configuration key sends and reads, a management key is for MCP."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Request, Response

from threemaps.settings import LOCAL_CONFIGURATION_KEY, LOCAL_INGEST_KEY, LOCAL_MANAGEMENT_KEY
from threemaps.standins.honeycomb.exceptions import HoneycombError, legacy
from threemaps.standins.http import json_answer

HEADER = "X-Honeycomb-Team"
UNKNOWN_KEY = "unknown API key - check your credentials"
MISSING_KEY = "missing 'x-honeycomb-team' header"

JSON_API = "application/vnd.api+json"
SCOPES = ("mcp:read", "environments:read")
ENVIRONMENT = {"name": "Local", "slug": "local"}
TEAM = {"name": "threemaps", "slug": "threemaps"}
# What `/1/auth` names of a configuration key, and whether the local Honeycomb has it.
CONFIGURATION_ACCESS = {
    "events": True,
    "markers": False,
    "triggers": False,
    "boards": False,
    "queries": True,
    "columns": True,
    "createDatasets": True,
    "slos": False,
    "recipients": False,
    "privateBoards": False,
}


@dataclass(frozen=True, slots=True)
class Key:
    secret: str
    id: str
    type: str
    access: Mapping[str, bool]


KEYS = (
    Key(LOCAL_INGEST_KEY, "hcxik_threemaps", "ingest", {"createDatasets": True}),
    Key(LOCAL_CONFIGURATION_KEY, "threemaps", "configuration", CONFIGURATION_ACCESS),
)


def find_key(secret: str) -> Key | None:
    """Compares with every key, each in constant time."""
    given = secret.encode()
    matches = [key for key in KEYS if compare_digest(key.secret.encode(), given)]
    return matches[0] if matches else None


def key_of(sent: Request) -> Key | None:
    return find_key(sent.headers.get(HEADER, ""))


def check_any_key() -> Response | None:
    """For what both kinds of keys may do."""
    if HEADER not in request.headers:
        return legacy(MISSING_KEY, 401)
    return legacy(UNKNOWN_KEY, 401) if key_of(request) is None else None


def check_configuration_key() -> Response | None:
    """For reading."""
    refusal = check_any_key()
    key = key_of(request)
    if refusal is None and key is not None and key.type != "configuration":
        raise HoneycombError(403, f"an {key.type} key cannot do this - use a configuration key")
    return refusal


auth = Blueprint("auth", __name__)
auth.before_request(check_any_key)


@auth.get("/1/auth")
def describe_key() -> Response:
    key = key_of(request)
    document: dict[str, Any] = {
        "id": key.id if key else "",
        "type": key.type if key else "",
        "api_key_access": dict(key.access) if key else {},
        "environment": ENVIRONMENT,
        "team": TEAM,
    }
    return json_answer(document)


management = Blueprint("management", __name__)


@management.before_request
def check_management_key() -> Response | None:
    if is_management_key(request.headers.get("Authorization", "")):
        return None
    refusal = {"id": secrets.token_hex(16), "code": "unauthenticated", "title": "invalid API key"}
    return json_answer({"errors": [refusal]}, 401, content_type=JSON_API)


@management.get("/2/auth")
def describe_management_key() -> Response:
    team = {"id": "hcxtm_threemaps", "type": "teams", "attributes": TEAM}
    attributes = {"name": "local", "key_type": "management", "disabled": False, "scopes": list(SCOPES)}
    key = {
        "id": LOCAL_MANAGEMENT_KEY.partition(":")[0],
        "type": "api-keys",
        "attributes": attributes,
        "relationships": {"team": {"data": {"id": team["id"], "type": team["type"]}}},
    }
    return json_answer({"data": key, "included": [team]}, content_type=JSON_API)


@management.get("/2/teams/<team>/environments")
def list_environments(team: str) -> Response:
    found = [{"id": "hcxen_local", "type": "environments", "attributes": {**ENVIRONMENT, "description": ""}}]
    if team != TEAM["slug"]:
        raise HoneycombError(404, "Team not found")
    return json_answer({"data": found, "links": {"next": None}}, content_type=JSON_API)


def is_management_key(authorization: str) -> bool:
    scheme, _, key = authorization.partition(" ")
    return scheme.lower() == "bearer" and compare_digest(key.strip().encode(), LOCAL_MANAGEMENT_KEY.encode())
