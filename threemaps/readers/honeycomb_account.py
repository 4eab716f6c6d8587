"""Whose key it is and what it may do, as `GET /1/auth` answers every ingest and configuration key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import requests

from threemaps.basics import nearby
from threemaps.errors import UserError
from threemaps.readers.base import CONNECT_SECONDS, READ_SECONDS, UnreadableError
from threemaps.readers.honeycomb_refusals import KeyRefusedError
from threemaps.readers.http import PART_BYTES, whole
from threemaps.settings import (
    LOCAL_CONFIGURATION_KEY,
    LOCAL_INGEST_KEY,
    LOCAL_MANAGEMENT_KEY,
    USER_AGENT,
    Settings,
)

HEADER = "x-honeycomb-team"
# Variable → the local Honeycomb's public key of that kind.
KEYS = {
    "HONEYCOMB_API_KEY": LOCAL_INGEST_KEY,
    "HONEYCOMB_CONFIGURATION_KEY": LOCAL_CONFIGURATION_KEY,
    "HONEYCOMB_MANAGEMENT_KEY": LOCAL_MANAGEMENT_KEY,
}


@dataclass(frozen=True, slots=True)
class Auth:
    """What Honeycomb says of a key. `status` is 0 where there was no answer: `error` says why."""

    status: int
    kind: str = ""
    access: frozenset[str] = frozenset()
    team: str = ""
    environment: str = ""
    error: str = ""

    @property
    def may_send(self) -> bool:
        """Ingest keys always may, whatever else their list of rights says."""
        return self.kind == "ingest" or "events" in self.access


def key_of(settings: Settings, variable: str) -> str:
    """The user's key where Honeycomb is real, else the stand-in's."""
    return settings.get(variable) if settings.honeycomb_is_real else KEYS[variable]


def ask_auth(api: str, key: str) -> Auth:
    headers = {HEADER: key, "User-Agent": USER_AGENT}
    status, body, error = _asked(f"{api}/1/auth", headers)
    if error:
        return Auth(0, error=error)
    access = frozenset(name for name, allowed in part(body, "api_key_access").items() if allowed)
    fields = (
        body.get("type"),
        part(body, "team").get("slug"),
        part(body, "environment").get("slug"),
        body.get("error"),
    )
    kind, team, environment, refusal = (str(one or "") for one in fields)
    return Auth(status, kind, access, team, environment, refusal)


def account_of(settings: Settings) -> Auth:
    """Team and environment of the first key that Honeycomb knows. An UnreadableError where none is known."""
    api = settings.honeycomb_api
    refusals = []
    for variable in ("HONEYCOMB_CONFIGURATION_KEY", "HONEYCOMB_API_KEY"):
        if key := key_of(settings, variable):
            auth = ask_auth(api, key)
            if auth.status == 200:
                return auth
            refusals.append(f"{variable}: {api}/1/auth answers {auth.status or auth.error}")
    if management := key_of(settings, "HONEYCOMB_MANAGEMENT_KEY"):
        return _of_management_key(api, management)
    raise KeyRefusedError(
        f"no key says which Honeycomb team and environment it is ({'; '.join(refusals) or 'none is set'})",
        hint="set HONEYCOMB_API_KEY or HONEYCOMB_CONFIGURATION_KEY to a key of that environment",
    )


def _of_management_key(api: str, key: str) -> Auth:
    """A team's only environment; of several none can be chosen."""
    headers = {"Authorization": f"Bearer {key}", "User-Agent": USER_AGENT}
    status, body, error = _asked(f"{api}/2/auth", headers)
    if status != 200:
        raise KeyRefusedError(
            f"Honeycomb does not know the management key ({api}/2/auth answers {status or error})",
            hint="HONEYCOMB_MANAGEMENT_KEY is ID:SECRET, of a key made under the team's settings",
        )
    included = body.get("included")
    teams = [one for one in included if isinstance(one, dict)] if isinstance(included, list) else []
    team = str(part(teams[0], "attributes").get("slug") or "") if teams else ""
    _, listed, _ = _asked(f"{api}/2/teams/{team}/environments", headers)
    found = listed.get("data")
    environments = [part(one, "attributes") for one in found] if isinstance(found, list) else []
    slugs = [str(one.get("slug")) for one in environments if one.get("slug")]
    if len(slugs) != 1:
        raise UnreadableError(
            f"the management key does not say which environment: team {team!r} has {len(slugs)}",
            hint="set HONEYCOMB_API_KEY or HONEYCOMB_CONFIGURATION_KEY to a key of the one that is meant",
        )
    return Auth(200, "management", team=team, environment=slugs[0])


def _asked(url: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, Any], str]:
    """Status and body, or what went wrong instead."""
    try:
        with (
            nearby.session_for(url) as session,
            session.get(
                url,
                headers=dict(headers),
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                stream=True,
                allow_redirects=False,
            ) as answer,
        ):
            body = orjson.loads(whole(answer.iter_content(PART_BYTES), "Honeycomb"))
    except (requests.RequestException, UserError, ValueError) as failure:
        return 0, {}, type(failure).__name__
    if not isinstance(body, dict):
        return 0, {}, "an answer that makes no sense"
    return answer.status_code, body, ""


def part(body: object, name: str) -> Mapping[str, Any]:
    found = body.get(name) if isinstance(body, Mapping) else None
    return found if isinstance(found, dict) else {}
