"""Honeycomb as doctors see it: its hosts, the forms of its keys, and which region knows a key."""

import re

from threemaps.readers.honeycomb_account import ask_auth
from threemaps.settings import HONEYCOMB_ENDPOINT, HONEYCOMB_EUROPE, LOCAL_CONFIGURATION_KEY, LOCAL_INGEST_KEY

DATASET = "x-honeycomb-dataset"
CLASSIC = re.compile(r"hc[a-z]ic_[0-9a-z]{58}|[0-9a-f]{32}")
# Besides: an ingest key, and a configuration key.
FORMS = re.compile(rf"{CLASSIC.pattern}|hc[a-z]ik_[0-9a-z]{{58}}|[0-9A-Za-z]{{22}}")


def is_honeycomb(host: str) -> bool:
    return f".{host}".endswith(".honeycomb.io")


def malformed(key: str, wanted: str = "ingest") -> str:
    """Why this cannot be a key of the kind that is wanted, or nothing. The key itself is never repeated."""
    if key in {LOCAL_INGEST_KEY, LOCAL_CONFIGURATION_KEY} or FORMS.fullmatch(key):
        return ""
    if re.fullmatch(r"hc[a-z]ik_.{26}", key):
        return "this is the id of an ingest key; the key is the id and the secret behind it, 64 characters"
    purpose = "maps are read" if wanted == "configuration" else "spans are sent"
    if re.match(r"hc[a-z]lk_", key):
        more = "; the key is the token that is shown with it" if wanted == "configuration" else ""
        return f"this is a configuration key's id{more or f'; {purpose} with an {wanted} key'}"
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
