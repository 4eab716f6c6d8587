"""GetTraceSummaries: the traces of a time range, newest first, that a filter expression picks."""

import time
from collections.abc import Iterable
from typing import Any

from threemaps.standins.spans.span import LATEST_NS
from threemaps.standins.store import Store
from threemaps.standins.xray.destination import INDEXED
from threemaps.standins.xray.entities import ERROR, FAULT, THROTTLE, flags_of, text_of
from threemaps.standins.xray.exceptions import invalid
from threemaps.standins.xray.graph import Window
from threemaps.standins.xray.groups import Groups, read_expression
from threemaps.standins.xray.matching import Key, Value
from threemaps.standins.xray.paging import Pages
from threemaps.standins.xray.subjects import TraceSubject, key_of, request_values, took
from threemaps.standins.xray.times import time_range
from threemaps.standins.xray.traces import Part

LONGEST_HOURS = 24
# Traces looked at for one page; how many of them match depends on the filter.
TRACES_PER_PAGE = 500

# Which of a trace's times has to lie in the range.
RANGES = {
    "TraceId": "first >= $1 AND first < $2",
    "Event": "first < $2 AND last >= $1",
    "Service": "ended_inside",
}

IN_RANGE = f"""
WITH touched AS (
    SELECT DISTINCT trace_hi, trace_lo FROM spans
    WHERE start_ns < $2 AND coalesce(end_ns, $3) >= $1 AND {INDEXED}
)
SELECT trace_hi, trace_lo FROM (
    SELECT trace_hi, trace_lo, min(start_ns) AS first, max(coalesce(end_ns, $3)) AS last,
        bool_or((of_segment AND coalesce(top, span) = span OR made_node IS NOT NULL)
            AND end_ns >= $1 AND end_ns < $2) AS ended_inside
    FROM spans SEMI JOIN touched USING (trace_hi, trace_lo)
    GROUP BY trace_hi, trace_lo
)
WHERE {{condition}}
ORDER BY first DESC, trace_hi, trace_lo
"""


class Summaries:
    def __init__(self, store: Store, groups: Groups) -> None:
        self._store = store
        self._groups = groups
        self._pages = Pages(TRACES_PER_PAGE)

    def get_trace_summaries(self, request: dict[str, Any]) -> dict[str, Any]:
        start, end = time_range(request, LONGEST_HOURS)
        text = request.get("FilterExpression")
        expression = read_expression(text) if text and text.strip() else None

        def numbers() -> list[tuple[int, int]]:
            return _sampled(self._in_range(request.get("TimeRangeType", "TraceId"), start, end), request)

        page = self._pages.page("numbers", numbers, request.get("NextToken"))
        looked_at = page.pop("numbers")
        subjects = self._groups.subjects(looked_at)
        found = [subject for subject in subjects if expression is None or expression.matches(subject)]
        return {
            "TraceSummaries": [summary(subject) for subject in found],
            "ApproximateTime": min((subject.trace.started for subject in found), default=time.time()),
            "TracesProcessedCount": len(looked_at),
            **page,
        }

    def _in_range(self, kind: str, start: float, end: float) -> list[tuple[int, int]]:
        if kind not in RANGES:
            raise invalid(f"TimeRangeType must be one of {', '.join(RANGES)}, not {kind!r}")
        sql = IN_RANGE.format(condition=RANGES[kind])
        return [(hi, lo) for hi, lo in self._store.rows(sql, [*Window(start, end).bounds(), LATEST_NS])]


def _sampled(numbers: list[tuple[int, int]], request: dict[str, Any]) -> list[tuple[int, int]]:
    """With a fixed rate that share of the traces, the same ones whenever it is asked."""
    strategy = request.get("SamplingStrategy") or {}
    if not request.get("Sampling") or strategy.get("Name") != "FixedRate":
        return numbers
    rate = strategy.get("Value")
    if rate is None or not 0 <= rate <= 1:
        raise invalid(f"SamplingStrategy FixedRate takes a Value from 0 to 1, not {rate}")
    return [(hi, lo) for hi, lo in numbers if lo / 2**64 < rate]


def summary(subject: TraceSubject) -> dict[str, Any]:
    trace, root = subject.trace, subject.root
    flags = flags_of(root.entity) if root else 0
    answer: dict[str, Any] = {
        "Id": trace.id,
        "StartTime": trace.started,
        "Duration": round(trace.ended - trace.started, 6),
        "HasFault": bool(flags & FAULT),
        "HasError": bool(flags & (ERROR | THROTTLE)),
        "HasThrottle": bool(flags & THROTTLE),
        "IsPartial": any(part.ended is None for part in trace.parts.values()),
        "Http": _http(root),
        "Annotations": _annotations(subject),
        "Users": _users(subject),
        "ServiceIds": _service_ids(key for key, _ in subject.visits()),
        "ResourceARNs": [{"ARN": value} for value in sorted(set(map(str, subject.values("resource.arn"))))],
        "InstanceIds": [{"Id": value} for value in sorted(set(map(str, subject.values("instance.id"))))],
        "AvailabilityZones": [
            {"Name": value} for value in sorted(set(map(str, subject.values("availabilityzone"))))
        ],
        "FaultRootCauses": [],
        "ErrorRootCauses": [],
        "ResponseTimeRootCauses": [],
        "Revision": len(trace.parts),
    }
    if root is not None:
        answer["EntryPoint"] = _service_id(key_of(root))
        if (seconds := took(root)) is not None:
            answer["ResponseTime"] = round(seconds, 6)
    return answer


def _service_id(key: Key) -> dict[str, Any]:
    name, kind = key
    service = {"Name": name, "Names": [name]}
    return service | {"Type": kind} if kind else service


def _service_ids(keys: Iterable[Key]) -> list[dict[str, Any]]:
    return [_service_id(key) for key in sorted(set(keys))]


def _http(root: Part | None) -> dict[str, Any]:
    if root is None:
        return {}
    names = {
        "HttpURL": "http.url",
        "HttpMethod": "http.method",
        "UserAgent": "http.useragent",
        "ClientIp": "http.clientip",
    }
    found = {name: request_values(root.entity, keyword) for name, keyword in names.items()}
    http: dict[str, Any] = {name: values[0] for name, values in found.items() if values}
    status = request_values(root.entity, "http.status")
    return http | {"HttpStatus": int(status[0])} if status else http


def _annotations(subject: TraceSubject) -> dict[str, Any]:
    """Key → its values, each with the services that set it."""
    found: dict[str, Any] = {}
    for (key, _, value), parts in subject.indexed.items():
        services = _service_ids(key_of(part.owner) for part in parts if part.owner is not None)
        found.setdefault(key, []).append(
            {"AnnotationValue": _annotation_value(value), "ServiceIds": services}
        )
    return found


def _annotation_value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"StringValue": value} if isinstance(value, str) else {"NumberValue": value}


def _users(subject: TraceSubject) -> list[dict[str, Any]]:
    users: dict[str, set[Key]] = {}
    for part in subject.trace.parts.values():
        if (user := text_of(part.entity, "user")) is not None:
            users.setdefault(user, set()).update([key_of(part.owner)] if part.owner else [])
    return [{"UserName": user, "ServiceIds": _service_ids(keys)} for user, keys in sorted(users.items())]
