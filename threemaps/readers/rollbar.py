"""Rollbar's items and occurrences, read back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import requests

from threemaps.readers.base import CONNECT_SECONDS, READ_SECONDS, UnreadableError
from threemaps.readers.http import PART_BYTES, whole
from threemaps.settings import LOCAL_ROLLBAR_TOKEN, Settings

MOST_ERRORS = 20
LATEST = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Fault:
    """An occurrence at Rollbar that names the trace."""

    service: str
    title: str
    item_id: str
    span_id: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """Occurrences that Rollbar takes for the same error."""

    id: str
    counter: str
    title: str
    level: str
    occurrences: int
    last: datetime


def rollbar_errors(settings: Settings, trace_id: str) -> list[Fault]:
    """Among the latest occurrences; a token that may only send cannot read them."""
    occurrences = _listed(settings, "instances", "instances")
    return [_fault(one) for one in occurrences if _names(one, trace_id)][:MOST_ERRORS]


def rollbar_items(settings: Settings) -> list[Item]:
    """The items that occurred last."""
    found = [_item(one) for one in _listed(settings, "items/", "items") if isinstance(one, dict)]
    return sorted(found, key=lambda one: one.last, reverse=True)


def _listed(settings: Settings, path: str, name: str) -> list[Any]:
    token = LOCAL_ROLLBAR_TOKEN if settings.rollbar_is_local else settings.get("ROLLBAR_ACCESS_TOKEN")
    if not token:
        return []
    with requests.Session() as session:
        session.trust_env = not settings.rollbar_is_local
        try:
            response = session.get(
                f"{settings.rollbar_api}/api/1/{path}",
                headers={"X-Rollbar-Access-Token": token},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                stream=True,
            )
            response.raise_for_status()
            return list(orjson.loads(whole(response.iter_content(PART_BYTES), "Rollbar"))["result"][name])
        except (requests.RequestException, orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise UnreadableError(
                f"Rollbar at {settings.rollbar_api} could not be read ({type(error).__name__})",
                hint="ROLLBAR_ACCESS_TOKEN needs the scope read besides post_server_item",
            ) from error


def _item(given: Mapping[str, Any]) -> Item:
    occurred = given.get("last_occurrence_timestamp")
    seconds = min(max(occurred, 0), LATEST) if isinstance(occurred, int | float) else 0
    return Item(
        str(given.get("id") or ""),
        str(given.get("counter") or ""),
        str(given.get("title") or ""),
        str(given.get("level") or ""),
        int(given.get("total_occurrences") or 0),
        datetime.fromtimestamp(seconds, UTC),
    )


def _names(occurrence: Any, trace_id: str) -> bool:
    data = occurrence.get("data") if isinstance(occurrence, dict) else None
    custom = data.get("custom") if isinstance(data, dict) else None
    return isinstance(custom, dict) and custom.get("trace_id") == trace_id


def _fault(occurrence: Mapping[str, Any]) -> Fault:
    data = occurrence["data"]
    body = _part(data, "body")
    chain = body.get("trace_chain")
    first = {"trace": chain[0]} if isinstance(chain, list) and chain else {}
    exception = _part(_part(body, "trace") or _part(first, "trace"), "exception")
    title = f"{exception.get('class', 'error')}: {exception.get('message', '')}"
    custom, item = data["custom"], str(occurrence.get("item_id") or "")
    return Fault(str(custom.get("service") or ""), title, item, str(custom.get("span_id") or ""))


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}
