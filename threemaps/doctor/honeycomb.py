"""A service that exports straight to Honeycomb: its team header and its key."""

import re
from urllib.parse import urlsplit

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.destination import Destination, destination
from threemaps.doctor.headers import headers_variable
from threemaps.doctor.reaching import shares_network
from threemaps.doctor.subject import Subject
from threemaps.readers.honeycomb_account import HEADER, ask_auth
from threemaps.settings import HONEYCOMB_ENDPOINT, HONEYCOMB_EUROPE, LOCAL_CONFIGURATION_KEY, LOCAL_INGEST_KEY

LINK = "honeycomb"
DATASET = "x-honeycomb-dataset"
CLASSIC = re.compile(r"hc[a-z]ic_[0-9a-z]{58}|[0-9a-f]{32}")
# Besides: an ingest key, and a configuration key.
FORMS = re.compile(rf"{CLASSIC.pattern}|hc[a-z]ik_[0-9a-z]{{58}}|[0-9A-Za-z]{{22}}")


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
    right = HONEYCOMB_EUROPE if ".eu1." in host else HONEYCOMB_ENDPOINT
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
        other, said = elsewhere(there.base, key)
        step = subject.setting(there.variable, there.setting_for(other)) if other else new_key(subject)
        return broken(LINK, "key", f"{there.base} does not know this key: {auth.error}{said}", step)
    if auth.status != 200:
        detail = f"{there.base}/1/auth answers {auth.status or auth.error}"
        return broken(LINK, "key", detail, f"curl -i {there.base}/1/auth")
    if not auth.may_send:
        return broken(LINK, "key", "this configuration key may not send events", new_key(subject))
    return good(LINK, "key", f"an {auth.kind} key of team {auth.team}")


def malformed(key: str, wanted: str = "ingest") -> str:
    """Why this cannot be a key of the kind that is wanted, or nothing. The key itself is never repeated."""
    if key in {LOCAL_INGEST_KEY, LOCAL_CONFIGURATION_KEY} or FORMS.fullmatch(key):
        return ""
    if re.fullmatch(r"hc[a-z]ik_.{26}", key):
        return "this is the id of an ingest key; the key is the id and the secret behind it, 64 characters"
    purpose = "maps are read" if wanted == "configuration" else "spans are sent"
    if re.match(r"hc[a-z]lk_", key):
        told = "; the key is the token that is shown with it" if wanted == "configuration" else ""
        return f"this is a configuration key's id{told or f'; {purpose} with an {wanted} key'}"
    if re.match(r"hc[a-z]mk_", key):
        article = "a" if wanted == "configuration" else "an"
        return f"this is a management key; {purpose} with {article} {wanted} key"
    return f"a text of {len(key)} characters, which is the form of no Honeycomb key"


def elsewhere(api: str, key: str) -> tuple[str, str]:
    """A key is known in one region only: the other one, if that knows it, and what is to be said."""
    other = {HONEYCOMB_ENDPOINT: HONEYCOMB_EUROPE, HONEYCOMB_EUROPE: HONEYCOMB_ENDPOINT}.get(api, "")
    if not other:
        return "", ""
    if ask_auth(other, key).status == 200:
        return other, f"; it is a key of {other}"
    return "", f"; nor does {other}"
