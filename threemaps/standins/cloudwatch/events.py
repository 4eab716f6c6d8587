"""Log events in, as PutLogEvents takes them."""

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from threemaps.standins.cloudwatch.exceptions import invalid
from threemaps.standins.cloudwatch.groups import Groups, now_ms
from threemaps.standins.cloudwatch.paging import to_token
from threemaps.standins.cloudwatch.span_log import SPAN_GROUP
from threemaps.standins.encoding import encode_rows
from threemaps.standins.store import Store

HOUR_MS = 3_600_000
OLDEST_MS = 14 * 24 * HOUR_MS
NEWEST_MS = 2 * HOUR_MS
LONGEST_SPAN_MS = 24 * HOUR_MS
MAX_EVENTS = 10_000
MAX_BYTES = 1_048_576
EVENT_OVERHEAD = 26


class Events:
    def __init__(self, store: Store, groups: Groups) -> None:
        self._store = store
        self._groups = groups
        last = store.rows("SELECT coalesce(max(sequence), 0) FROM log_event")[0][0]
        self._sequence = itertools.count(last + 1)

    def put_log_events(self, request: dict[str, Any]) -> dict[str, Any]:
        group, stream, events = request["logGroupName"], request["logStreamName"], request["logEvents"]
        retention_days = self._groups.require_stream(group, stream)
        if group == SPAN_GROUP:
            raise invalid(f"The log group {SPAN_GROUP} takes its events from X-Ray only.")
        _check_batch(events)
        now = now_ms()
        rejected = _rejected(events, now, retention_days)
        accepted = [(one["timestamp"], one["message"]) for one in events[_first(rejected) : _end(rejected)]]
        if accepted and accepted[-1][0] - accepted[0][0] > LONGEST_SPAN_MS:
            raise invalid(
                "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
            )
        self.keep(group, stream, accepted, now)
        answer = {"rejectedLogEventsInfo": rejected} if rejected else {}
        return {"nextSequenceToken": to_token(now), **answer}

    def keep(self, group: str, stream: str, events: Sequence[tuple[int, str]], now: int) -> None:
        """Times in ms and messages; returns when they survive a crash."""
        columns = {
            "sequence": [next(self._sequence) for _ in events],
            "log_group": [group] * len(events),
            "log_stream": [stream] * len(events),
            "time_ms": [time_ms for time_ms, _ in events],
            "message": [message for _, message in events],
            "stored_at": [now] * len(events),
        }
        if events:
            self._store.take("log_event", encode_rows(columns, bulk="message"))


def suspects(request: dict[str, Any]) -> dict[str, Any]:
    """The request with no more than one of its events: one that needs a closer look, if there is any."""
    events = request.get("logEvents")
    if not isinstance(events, list):
        return request
    suspect = (event for event in events if not _is_plain(event))
    return {**request, "logEvents": [next(suspect)] if not all(map(_is_plain, events)) else events[:1]}


def _is_plain(event: Any) -> bool:
    if type(event) is not dict:
        return False
    time_ms, message = event.get("timestamp"), event.get("message")
    return type(time_ms) is int and time_ms >= 0 and type(message) is str and message != ""


def _check_batch(events: list[dict[str, Any]]) -> None:
    if not 1 <= len(events) <= MAX_EVENTS:
        raise invalid(
            f"Log events in a single PutLogEvents request: {len(events)}; 1 to {MAX_EVENTS} are allowed."
        )
    size = sum(_bytes(event["message"]) + EVENT_OVERHEAD for event in events)
    if size > MAX_BYTES:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {MAX_BYTES}")
    times = [event["timestamp"] for event in events]
    if times != sorted(times):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")


def _bytes(message: str) -> int:
    return len(message) if message.isascii() else len(message.encode())


def _rejected(events: list[dict[str, Any]], now: int, retention_days: int | None) -> dict[str, int]:
    """Where what is too old or expired ends, and where what is too new begins; the events are in order."""
    times = [event["timestamp"] for event in events]
    info: dict[str, int] = {}
    if first := bisect_left(times, now - OLDEST_MS):
        info["tooOldLogEventEndIndex"] = first
    if (end := bisect_right(times, now + NEWEST_MS)) < len(times):
        info["tooNewLogEventStartIndex"] = end
    kept_since = None if retention_days is None else now - retention_days * 24 * HOUR_MS
    if kept_since is not None and (expired := bisect_left(times, kept_since)):
        info["expiredLogEventEndIndex"] = expired
    return info


def _first(rejected: dict[str, int]) -> int:
    return max(rejected.get("tooOldLogEventEndIndex", 0), rejected.get("expiredLogEventEndIndex", 0))


def _end(rejected: dict[str, int]) -> int | None:
    return rejected.get("tooNewLogEventStartIndex")
