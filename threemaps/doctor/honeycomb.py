"""A service that exports straight to Honeycomb: its team header and its key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests

from threemaps.basics import nearby
from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.destination import Destination, destination
from threemaps.doctor.headers import headers_variable
from threemaps.doctor.reaching import shares_network
from threemaps.doctor.subject import Subject
from threemaps.errors import UserError
from threemaps.readers.http import PART_BYTES, whole
from threemaps.settings import HONEYCOMB_ENDPOINT, LOCAL_CONFIGURATION_KEY, LOCAL_INGEST_KEY

LINK = "honeycomb"
HEADER = "x-honeycomb-team"
SECONDS = 10
DATASET = "x-honeycomb-dataset"
EUROPE = "https://api.eu1.honeycomb.io"
CLASSIC = re.compile(r"hc[a-z]ic_[0-9a-z]{58}|[0-9a-f]{32}")
# Besides: an ingest key, and a configuration key.
FORMS = re.compile(rf"{CLASSIC.pattern}|hc[a-z]ik_[0-9a-z]{{58}}|[0-9A-Za-z]{{22}}")


@dataclass(frozen=True, slots=True)
class Auth:
    """What `GET /1/auth` says of a key."""

    status: int
    kind: str = ""
    access: frozenset[str] = frozenset()
    team: str = ""
    error: str = ""

    @property
    def may_send(self) -> bool:
        """Ingest keys always may, whatever else their list of rights says."""
        return self.kind == "ingest" or "events" in self.access


def goes_to_honeycomb(there: Destination, api: str) -> bool:
    host = there.host
    same = urlsplit(api)
    return is_honeycomb(host) or HEADER in there.headers or (host, there.port) == (same.hostname, same.port)


def is_honeycomb(host: str) -> bool:
    return f".{host}".endswith(".honeycomb.io")


def honeycomb_address(subject: Subject) -> Check:
    """Spans are taken at api.honeycomb.io, over TLS, on its own port: gRPC and HTTP alike."""
    there = destination(subject)
    host = there.host
    if not is_honeycomb(host):
        return good(LINK, "address", f"{there.base} is not Honeycomb")
    right = EUROPE if ".eu1." in host else HONEYCOMB_ENDPOINT
    if there.base in (right, f"{right}:443"):
        return good(LINK, "address", there.base)
    detail = f"{there.variable}={subject.get(there.variable)}: Honeycomb takes spans at {right}"
    return broken(LINK, "address", detail, subject.setting(there.variable, there.setting_for(right)))


def team_header(subject: Subject, api: str) -> Check:
    """Without the header Honeycomb refuses every batch, and the exporter says so once, in its log."""
    there = destination(subject)
    if not goes_to_honeycomb(there, api):
        return good(LINK, "team header", f"{there.base} is not Honeycomb")
    if CLASSIC.fullmatch(there.headers.get(HEADER, "")) and not there.headers.get(DATASET):
        detail = f"the key is one of Honeycomb Classic, which needs {DATASET} beside {HEADER}"
        return broken(LINK, "team header", detail, with_header(subject, f"{DATASET}=traces"))
    if there.headers.get(HEADER):
        return good(LINK, "team header", f"{HEADER} is there")
    key = subject.get("HONEYCOMB_API_KEY")
    detail = f"a direct export to {there.base} without {HEADER}"
    if not key:
        detail += ", and HONEYCOMB_API_KEY never reached this process"
    step = with_header(subject, f"{HEADER}=$HONEYCOMB_API_KEY")
    return broken(LINK, "team header", detail, step if key else f"export HONEYCOMB_API_KEY=YOUR_KEY; {step}")


def with_header(subject: Subject, header: str) -> str:
    """One header more, in the variable that counts."""
    name = headers_variable(subject)
    before = f"${name}," if subject.get(name) else ""
    return subject.setting(name, "…", typed=f'export {name}="{before}{header}"')


def new_key(subject: Subject) -> str:
    name = headers_variable(subject)
    return subject.setting(name, "…", typed=f'export {name}="{HEADER}=YOUR_INGEST_KEY"')


def key_accepted(subject: Subject, api: str) -> Check:
    """Honeycomb itself says whether it knows the key."""
    there = destination(subject)
    key = there.headers.get(HEADER, "")
    if not key or not shares_network(subject):
        return good(LINK, "key", "no key to ask about from here")
    if wrong := malformed(key):
        return broken(LINK, "key", wrong, new_key(subject))
    auth = ask_auth(there.base, key)
    if auth.status == 401:
        detail = f"{there.base} does not know this key: {auth.error}{other_region(there.base)}"
        return broken(LINK, "key", detail, new_key(subject))
    if auth.status != 200:
        detail = f"{there.base}/1/auth answers {auth.status or auth.error}"
        return broken(LINK, "key", detail, f"curl -i {there.base}/1/auth")
    if not auth.may_send:
        return broken(LINK, "key", "this configuration key may not send events", new_key(subject))
    return good(LINK, "key", f"an {auth.kind} key of team {auth.team}")


def malformed(key: str) -> str:
    """Why this cannot be a key that sends, or nothing. The key itself is never repeated."""
    if key in {LOCAL_INGEST_KEY, LOCAL_CONFIGURATION_KEY} or FORMS.fullmatch(key):
        return ""
    if re.fullmatch(r"hc[a-z]ik_.{26}", key):
        return "this is the id of an ingest key; the key is the id and the secret behind it, 64 characters"
    if re.match(r"hc[a-z][lm]k_", key):
        kind = "configuration key's id" if key[3] == "l" else "management key"
        return f"this is a {kind}; spans are sent with an ingest key"
    return f"a text of {len(key)} characters, which is the form of no Honeycomb key"


def other_region(api: str) -> str:
    """A key is known in one region only."""
    other = {HONEYCOMB_ENDPOINT: EUROPE, EUROPE: HONEYCOMB_ENDPOINT}.get(api, "")
    return f"; or it belongs to a team at {other.removeprefix('https://')}" if other else ""


def ask_auth(api: str, key: str) -> Auth:
    try:
        with (
            nearby.session_for(api) as session,
            session.get(f"{api}/1/auth", headers={HEADER: key}, timeout=SECONDS, stream=True) as answer,
        ):
            body = orjson.loads(whole(answer.iter_content(PART_BYTES), "Honeycomb"))
    except (requests.RequestException, UserError, ValueError) as failure:
        return Auth(0, error=type(failure).__name__)
    if not isinstance(body, dict):
        return Auth(0, error="an answer that makes no sense")
    access = frozenset(name for name, allowed in part(body, "api_key_access").items() if allowed)
    told = (body.get("type"), body.get("error"), part(body, "team").get("slug"))
    kind, error, team = (str(one or "") for one in told)
    return Auth(answer.status_code, kind, access, team, error)


def part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}
