"""The Map Dependencies API: which service called which, and how often.

A call is a span whose parent, in the same trace, belongs to another service. A service that calls itself is
no dependency. A span counts when it started in the window; its parent may have started up to an hour before.
"""

import base64
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from flask import Blueprint, request
from werkzeug.wrappers import Response

from threemaps.standins.honeycomb.checks import integer, new_id, object_body
from threemaps.standins.honeycomb.exceptions import HoneycombError, invalid
from threemaps.standins.honeycomb.keys import check_configuration_key
from threemaps.standins.honeycomb.plan import Plan
from threemaps.standins.http import json_answer
from threemaps.standins.store import Store

DEFAULT_LIMIT, LARGEST_LIMIT = 10_000, 64_000
DEFAULT_PAGE, LARGEST_PAGE = 20, 100
DEFAULT_RANGE = 7_200
SECOND = 1_000_000_000
PARENTS_BEFORE = PARENTS_AFTER = 3_600
# So long a request is pending, as outside; what its answer will be is settled when it is made.
PENDING_MS = 100

# Repeated spans are told apart from calls by their ids, whatever came in between and whenever they came.
CALLS = """
WITH named AS (SELECT id, coalesce(service, dataset) AS service FROM resources),
children AS (
    SELECT trace_id, span_id, parent_id, kind, service FROM events JOIN named ON named.id = resource
    WHERE part = 0 AND parent_id IS NOT NULL AND time >= $start AND time < $end
),
parents AS (
    SELECT trace_id, span_id, service FROM events JOIN named ON named.id = resource
    WHERE part = 0 AND time >= $start - $before AND time < $end + $after
),
calls AS (
    SELECT DISTINCT parents.service AS parent, children.service AS child,
           children.trace_id, children.span_id, children.kind
    FROM children JOIN parents
      ON parents.trace_id = children.trace_id AND parents.span_id = children.parent_id
    WHERE parents.service <> children.service
)
SELECT parent, child, count(*) AS calls FROM calls
WHERE len($names) = 0 OR list_contains($names, parent) OR list_contains($names, child)
GROUP BY ALL ORDER BY calls DESC, parent, child LIMIT $limit
"""


@dataclass(frozen=True, slots=True)
class Window:
    """Whole seconds, both ends included."""

    start: int
    end: int


def map_blueprint(store: Store, plan: Plan) -> Blueprint:
    blueprint = Blueprint("dependencies", __name__)
    blueprint.before_request(check_configuration_key)
    blueprint.before_request(lambda: plan.require_enterprise("The Map Dependencies API"))

    @blueprint.post("/1/maps/dependencies/requests")
    def create() -> Response:
        body = object_body(may_be_empty=True)
        limit = _limit()
        dependencies = find_dependencies(store, parse_window(body), _names(body), limit)
        key = new_id()
        document = orjson.dumps(dependencies).decode()
        store.append("map_requests", {"id": [key], "document": [document]})
        location = f"{request.url_root}1/maps/dependencies/requests/{key}"
        return json_answer({"request_id": key, "status": "pending"}, 201, {"Location": location})

    @blueprint.get("/1/maps/dependencies/requests/<key>")
    def read(key: str) -> Response:
        size, offset = _page()
        age = "epoch_ms(now()) - stored_at"
        rows = store.rows(f"SELECT document, {age} FROM map_requests WHERE id = ?", [key])
        if not rows:
            raise HoneycombError(404, "map dependency request not found")
        [(document, milliseconds)] = rows
        if milliseconds < PENDING_MS:
            return json_answer({"request_id": key, "status": "pending", "dependencies": None})
        dependencies = orjson.loads(document)
        following = offset + size
        link = None
        if following < len(dependencies):
            after = quote(_cursor(following), safe="")
            link = f"/1/maps/dependencies/requests/{key}?page[after]={after}&page[size]={size}"
        return json_answer(
            {
                "request_id": key,
                "status": "ready",
                "dependencies": dependencies[offset:following],
                "links": {"next": link},
            },
            headers={"Cache-Control": "private, max-age=3600"},
        )

    return blueprint


def find_dependencies(store: Store, window: Window, names: list[str], limit: int) -> list[dict[str, Any]]:
    rows = store.rows(
        CALLS,
        {
            "start": window.start * SECOND,
            "end": (window.end + 1) * SECOND,
            "before": PARENTS_BEFORE * SECOND,
            "after": PARENTS_AFTER * SECOND,
            "names": names,
            "limit": limit,
        },
    )
    return [
        {
            "parent_node": {"name": parent, "type": "service"},
            "child_node": {"name": child, "type": "service"},
            "call_count": calls,
        }
        for parent, child, calls in rows
    ]


def parse_window(body: dict[str, Any]) -> Window:
    """`time_range` seconds after the start, before the end, or before now; or start and end themselves."""
    start = integer(body, "start_time", least=0)
    end = integer(body, "end_time", least=0)
    seconds = integer(body, "time_range", least=1)
    if start is not None and end is not None:
        if start > end:
            raise invalid("start_time", f"start_time {start} is after end_time {end}")
        return Window(start, end)
    length = DEFAULT_RANGE if seconds is None else seconds
    if start is not None:
        return Window(start, start + length)
    end = int(time.time()) if end is None else end
    return Window(max(0, end - length), end)


def _names(body: dict[str, Any]) -> list[str]:
    filters = body.get("filters")
    if filters is None:
        return []
    if not isinstance(filters, list):
        raise invalid("filters", "must be a list of nodes", "incorrect_type")
    return [_name(index, node) for index, node in enumerate(filters)]


def _name(index: int, node: Any) -> str:
    where = f"filters[{index}]"
    if not isinstance(node, dict) or not isinstance(node.get("name"), str):
        raise invalid(f"{where}.name", "must be the name of a node", "missing")
    if node.get("type") not in (None, "service"):
        raise invalid(f"{where}.type", f"{node['type']!r} is no type of node: only service is")
    name: str = node["name"]
    return name


def _limit() -> int:
    text = request.args.get("limit", str(DEFAULT_LIMIT))
    return _number("limit", text, LARGEST_LIMIT)


def _page() -> tuple[int, int]:
    size = _number("page[size]", request.args.get("page[size]", str(DEFAULT_PAGE)), LARGEST_PAGE)
    after = request.args.get("page[after]", "")
    return size, _offset(after) if after else 0


def _number(name: str, text: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= largest):
        raise invalid(name, f"{text[:64]!r} is no number from 1 to {largest}")
    return int(text)


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"after:{offset}".encode()).decode()


def _offset(cursor: str) -> int:
    try:
        word, number = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").split(":")
        if word == "after" and number.isdigit() and len(number) < 10:
            return int(number)
    except ValueError:
        pass
    raise HoneycombError(400, f"invalid cursor {cursor[:64]!r}")
