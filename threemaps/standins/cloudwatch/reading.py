"""Log events out: one stream in order, or a group's events that match a pattern."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from threemaps.standins.cloudwatch.events import EVENT_OVERHEAD
from threemaps.standins.cloudwatch.exceptions import invalid
from threemaps.standins.cloudwatch.groups import Groups, group_of
from threemaps.standins.cloudwatch.paging import position_from, to_token
from threemaps.standins.cloudwatch.patterns import compile_pattern
from threemaps.standins.cloudwatch.scan import Event, scan
from threemaps.standins.store import Store

# One page of an answer: this many events, and about a megabyte.
PAGE_EVENTS = 10_000
PAGE_BYTES = 1_048_576


class Reading:
    def __init__(self, store: Store, groups: Groups) -> None:
        self._store = store
        self._groups = groups

    def get_log_events(self, request: dict[str, Any]) -> dict[str, Any]:
        group, stream = group_of(request), request["logStreamName"]
        self._groups.require_stream(group, stream)
        where, parameters = _times(request, "log_stream = ?", [stream])
        forward, position = request.get("startFromHead", False), None
        if token := request.get("nextToken"):
            forward, position = _stream_position(token)
        found = scan(self._store, [group], where, parameters, after=position, newest_first=not forward)
        events = sorted(_fitting(islice(found, request.get("limit", PAGE_EVENTS))))
        return {
            "events": [
                {"timestamp": one.time_ms, "message": one.message, "ingestionTime": one.stored_at}
                for one in events
            ],
            **_stream_tokens(events, token, position or [0, 0]),
        }

    def filter_log_events(self, request: dict[str, Any]) -> dict[str, Any]:
        group = group_of(request)
        self._groups.require_group(group)
        matches = compile_pattern(request.get("filterPattern", ""))
        limit = request.get("limit", PAGE_EVENTS)
        where, parameters = _filter_conditions(request)
        for stream in request.get("logStreamNames", []):
            self._groups.require_stream(group, stream)
        forward, position = request.get("startFromHead", True), None
        if token := request.get("nextToken"):
            forward, position = _stream_position(token)
        found: list[dict[str, Any]] = []
        size = 0
        for event in scan(self._store, [group], where, parameters, after=position, newest_first=not forward):
            if matches(event.message):
                found.append(_found(event))
                size += len(event.message) + EVENT_OVERHEAD
            if len(found) >= limit or size >= PAGE_BYTES:
                more = f"{'f' if forward else 'b'}/{to_token([event.time_ms, event.sequence])}"
                return {"events": found, "searchedLogStreams": [], "nextToken": more}
        return {"events": found, "searchedLogStreams": []}


def _fitting(events: Iterable[Event]) -> Iterator[Event]:
    """As many as a page can carry, and at least one."""
    size = 0
    for number, event in enumerate(events):
        size += len(event.message) + EVENT_OVERHEAD
        if size > PAGE_BYTES and number:
            return
        yield event


def _times(request: dict[str, Any], where: str, parameters: list[Any]) -> tuple[str, list[Any]]:
    """startTime is inclusive, endTime is not."""
    for name, operator in (("startTime", ">="), ("endTime", "<")):
        if request.get(name) is not None:
            where += f" AND time_ms {operator} ?"
            parameters.append(request[name])
    return where, parameters


def _filter_conditions(request: dict[str, Any]) -> tuple[str, list[Any]]:
    """Here endTime is inclusive."""
    where, parameters = _times({**request, "endTime": None}, "true", [])
    if request.get("endTime") is not None:
        where += " AND time_ms <= ?"
        parameters.append(request["endTime"])
    names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix")
    if names and prefix:
        raise invalid("logStreamNames and logStreamNamePrefix cannot be used together")
    if names:
        where += " AND list_contains(?, log_stream)"
        parameters.append(names)
    if prefix:
        where += " AND starts_with(log_stream, ?)"
        parameters.append(prefix)
    return where, parameters


def _found(event: Event) -> dict[str, Any]:
    return {
        "logStreamName": event.log_stream,
        "timestamp": event.time_ms,
        "message": event.message,
        "ingestionTime": event.stored_at,
        "eventId": f"{event.time_ms:020d}{event.sequence:036d}",
    }


def _stream_tokens(rows: Sequence[Event], given: str | None, position: list[int]) -> dict[str, str]:
    """Two tokens for either side of the page. At an end AWS gives back the token that it was asked with."""
    if rows:
        forward, backward = f"f/{to_token(list(rows[-1][:2]))}", f"b/{to_token(list(rows[0][:2]))}"
    elif given and given.startswith("b"):
        forward, backward = f"f/{to_token([position[0], position[1] - 1])}", given
    else:
        forward = given or f"f/{to_token(position)}"
        backward = f"b/{to_token([position[0], position[1] + 1])}"
    return {"nextForwardToken": forward, "nextBackwardToken": backward}


def _stream_position(token: str) -> tuple[bool, list[int]]:
    direction, _, rest = token.partition("/")
    if direction not in ("f", "b"):
        raise invalid("The specified nextToken is invalid.")
    return direction == "f", position_from(rest)
