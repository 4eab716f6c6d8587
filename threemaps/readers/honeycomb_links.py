"""Addresses in Honeycomb's own page, which need no API: the map's query, and a trace."""

import time
from datetime import timedelta
from urllib.parse import quote, urlencode

import orjson

from threemaps.readers.base import UnreadableError
from threemaps.readers.honeycomb_account import Auth, account_of
from threemaps.readers.honeycomb_results import map_question
from threemaps.settings import Settings

# A trace id may begin with the second in which the trace did, as X-Ray's do.
OLDEST_SECONDS = 60 * 86_400
AROUND_SECONDS = 3_600


def map_link(settings: Settings, since: timedelta, account: Auth | None = None) -> str:
    """The map of the time before now as a query, which runs when it is opened."""
    question = map_question() | {"time_range": int(since.total_seconds())}
    return f"{_environment(settings, account)}?query={quote(orjson.dumps(question), safe='')}"


def trace_link(settings: Settings, trace_id: str, account: Auth | None = None) -> str:
    """With times where the id has one; without, Honeycomb looks through its default range."""
    parameters = {"trace_id": trace_id}
    began, now = int(trace_id[:8], 16), time.time()
    if now - OLDEST_SECONDS < began < now + AROUND_SECONDS:
        parameters["trace_start_ts"] = str(began - AROUND_SECONDS)
        parameters["trace_end_ts"] = str(began + AROUND_SECONDS)
    return f"{_environment(settings, account)}/trace?{urlencode(parameters)}"


def _environment(settings: Settings, account: Auth | None) -> str:
    found = account or account_of(settings)
    if not found.team or not found.environment:
        raise UnreadableError(
            "the key is one of Honeycomb Classic, which has no environments to open",
            hint="use a key of an environment",
        )
    return f"{settings.honeycomb_ui}/{quote(found.team)}/environments/{quote(found.environment)}"
