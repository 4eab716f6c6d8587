"""The Honeycomb account behind the chain: its keys, their region and rights, and what has arrived."""

import re
from datetime import UTC, datetime
from typing import Any

from threemaps.doctor.check import Check, broken, good, noted, unseen
from threemaps.doctor.honeycomb import elsewhere, malformed
from threemaps.doctor.walk import Walk
from threemaps.errors import UserError
from threemaps.readers.base import Shape
from threemaps.readers.honeycomb import configuration_api
from threemaps.readers.honeycomb_account import ask_auth, key_of
from threemaps.readers.honeycomb_login import COMMAND
from threemaps.readers.honeycomb_mcp import Mcp
from threemaps.readers.honeycomb_session import Access, Session
from threemaps.settings import LOCAL_MANAGEMENT_KEY, Settings

LINK = "backend"
UP = "threemaps up"
MANAGEMENT = re.compile(r"hc[a-z]mk_[0-9a-z]{26}:\S+")
UNKNOWN = "unknown_service"


def check_honeycomb_ingest_key(walk: Walk) -> Check:
    return check_key(walk.settings, "HONEYCOMB_API_KEY", "ingest")


def check_honeycomb_reading_key(walk: Walk) -> Check:
    """A configuration key reads on the Enterprise plan, MCP on every plan: one of both is enough."""
    settings, variable = walk.settings, "HONEYCOMB_MANAGEMENT_KEY"
    management, access = key_of(settings, variable), Access.of(settings)
    if management and (wrong := malformed_management(management)):
        return broken(LINK, "management key", f"{variable}: {wrong}", step_for(variable))
    if key_of(settings, "HONEYCOMB_CONFIGURATION_KEY"):
        return check_key(settings, "HONEYCOMB_CONFIGURATION_KEY", "configuration")
    if access:
        return check_mcp(settings, access)
    detail = (
        f"neither {variable} nor a login (`{COMMAND}`), which read on every plan, "
        "nor HONEYCOMB_CONFIGURATION_KEY, which reads on the Enterprise plan, is there"
    )
    return broken(LINK, "configuration key", detail, step_for(variable))


def check_mcp(settings: Settings, access: Access) -> Check:
    """The MCP server itself says whether it takes the key, or the login."""
    name, what = ("management key", "HONEYCOMB_MANAGEMENT_KEY") if access.headers else ("login", "the login")
    try:
        tools = Session(settings.honeycomb_mcp, access).tools()
        environment = Mcp(settings, access).environment()
    except UserError as error:
        return broken(LINK, name, error.message, error.hint)
    where = f"{settings.honeycomb_mcp}: {len(tools)} tools, environment {environment}"
    return good(LINK, name, f"{what} is accepted by {where}")


def check_key(settings: Settings, variable: str, wanted: str) -> Check:
    """The key itself is never repeated."""
    key, api, name = key_of(settings, variable), settings.honeycomb_api, f"{wanted} key"
    if not key:
        return broken(LINK, name, f"{variable} is not set", step_for(variable))
    if wrong := malformed(key, wanted):
        return broken(LINK, name, f"{variable}: {wrong}", step_for(variable))
    auth = ask_auth(api, key)
    if auth.status == 401:
        other, said = elsewhere(api, key)
        step = f"export HONEYCOMB_API_ENDPOINT={other} && {UP}" if other else step_for(variable)
        return broken(LINK, name, f"{variable}: {api} does not know it ({auth.error}){said}", step)
    if auth.status != 200:
        return broken(LINK, name, f"{api}/1/auth answers {auth.status or auth.error}", UP)
    if wanted == "ingest" and not auth.may_send:
        return broken(
            LINK, name, f"{variable} is a configuration key that may not send events", step_for(variable)
        )
    if wanted == "configuration" and auth.kind != "configuration":
        detail = f"{variable} is an {auth.kind} key: maps are read with a configuration key"
        return broken(LINK, name, detail, step_for(variable))
    rights = f"; it may use {', '.join(sorted(auth.access))}" if auth.access else ""
    where = f"team {auth.team}, environment {auth.environment or '(Classic)'}"
    return good(LINK, name, f"{variable} is accepted: {where}{rights}")


def step_for(variable: str) -> str:
    form = "ID:SECRET" if variable == "HONEYCOMB_MANAGEMENT_KEY" else f"YOUR_{KINDS[variable]}_KEY"
    return f"export {variable}={form} && {UP}"


KINDS = {"HONEYCOMB_API_KEY": "INGEST", "HONEYCOMB_CONFIGURATION_KEY": "CONFIGURATION"}


def malformed_management(key: str) -> str:
    if key == LOCAL_MANAGEMENT_KEY or MANAGEMENT.fullmatch(key):
        return ""
    if ":" not in key and re.match(r"hc[a-z]mk_", key):
        return "this is the id of a management key without its secret; it is ID:SECRET"
    return f"a text of {len(key)} characters, and not a management key's ID:SECRET"


def check_honeycomb_datasets(walk: Walk) -> Check:
    """What has arrived, by dataset. A service without a name is in one of its own."""
    try:
        api = configuration_api(walk.settings)
        listed = Shape("Honeycomb").sequence(api.get("/1/datasets"), "/1/datasets")
        datasets = [one for one in listed if isinstance(one, dict)]
    except UserError as error:
        # Without a configuration key nobody may list them; the map says more in a moment.
        return unseen(LINK, "datasets", f"not listed: {error.message}")
    written = sorted(((last_of(one), str(one.get("slug") or "")) for one in datasets), reverse=True)
    if not written:
        return good(LINK, "datasets", "there are none yet")
    latest = ", ".join(f"{slug} {ago(last)}" for last, slug in written[:5])
    more = f" and {len(written) - 5} more" if len(written) > 5 else ""
    unnamed = [slug for _, slug in written if slug.startswith(UNKNOWN)]
    if unnamed:
        detail = f"{unnamed[0]} holds spans of a service without a name; last events: {latest}{more}"
        return noted(LINK, "datasets", detail, "export OTEL_SERVICE_NAME=NAME, and start that service again")
    return good(LINK, "datasets", f"last events: {latest}{more}")


def last_of(dataset: dict[str, Any]) -> float:
    try:
        return datetime.fromisoformat(str(dataset.get("last_written_at"))).timestamp()
    except ValueError:
        return 0.0


def ago(moment: float) -> str:
    if not moment:
        return "never"
    seconds = max(0, int(datetime.now(UTC).timestamp() - moment))
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"
