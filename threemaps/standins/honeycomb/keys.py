"""API keys: an ingest key sends, a configuration key sends and reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Request, Response

from threemaps.settings import LOCAL_CONFIGURATION_KEY, LOCAL_INGEST_KEY
from threemaps.standins.honeycomb.problems import HoneycombError, legacy
from threemaps.standins.http import json_answer

HEADER = "X-Honeycomb-Team"
UNKNOWN_KEY = "unknown API key - check your credentials"
MISSING_KEY = "missing 'x-honeycomb-team' header"

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
