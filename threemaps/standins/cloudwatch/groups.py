"""Log groups and streams."""

import re
import time
from typing import Any

from threemaps.standins.cloudwatch.exceptions import already_exists, invalid, not_found
from threemaps.standins.cloudwatch.paging import page_of
from threemaps.standins.cloudwatch.span_log import SPAN_GROUP, SPAN_STREAM, SpanLog
from threemaps.standins.store import Store

GROUP_NAME = re.compile(r"[\w.\-/#]{1,512}", re.ASCII)
STREAM_NAME = re.compile(r"[^:*]{1,512}")
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
# What each stream holds.
HELD = f"""(
    SELECT log_group, log_stream, min(time_ms) AS first_ms, max(time_ms) AS last_ms,
        max(stored_at) AS stored_at, sum(strlen(message) + 26) AS bytes
    FROM log_event GROUP BY log_group, log_stream
    UNION ALL
    SELECT '{SPAN_GROUP}', '{SPAN_STREAM}', min(end_ns) // 1000000, max(end_ns) // 1000000,
        max(stored_at), sum(strlen(coalesce(attributes, document, '')) + strlen(name) + 26)
    FROM spans WHERE end_ns IS NOT NULL
)"""
ACCOUNT = "arn:aws:logs:us-east-1:000000000000"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Groups:
    """What there is to write to."""

    def __init__(self, store: Store, span_log: SpanLog) -> None:
        self._store = store
        self._span_log = span_log

    def create_log_group(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["logGroupName"]
        if name.lower().startswith("aws/"):
            raise invalid("Log groups starting with AWS/ are reserved for AWS.")
        if not GROUP_NAME.fullmatch(name):
            raise invalid(
                f"the log group name {name[:60]!r} does not match the pattern [\\.\\-_/#A-Za-z0-9]+"
            )
        if self.has_group(name):
            raise already_exists("log group")
        self._store.execute(
            "INSERT OR IGNORE INTO log_group VALUES (?, ?, NULL, ?)",
            [name, now_ms(), request.get("kmsKeyId")],
        )
        put_tags(self._store, name, request.get("tags", {}))
        return {}

    def delete_log_group(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["logGroupName"]
        self.require_group(name)
        with self._store.transaction() as cursor:
            for table, column in (
                ("log_event", "log_group"),
                ("log_stream", "log_group"),
                ("log_group_tag", "log_group"),
                ("log_group", "name"),
            ):
                cursor.execute(f"DELETE FROM {table} WHERE {column} = ?", [name])
        return {}

    def describe_log_groups(self, request: dict[str, Any]) -> dict[str, Any]:
        prefix, pattern = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
        names = [group_identified(name) for name in request.get("logGroupIdentifiers", [])]
        if sum(map(bool, (prefix, pattern, names))) > 1:
            raise invalid(
                "Only one of logGroupNamePrefix, logGroupNamePattern and logGroupIdentifiers can be given."
            )
        self._span_log.appear()
        rows = self._store.rows(
            "SELECT g.name, g.created_ms, g.retention_days, g.kms_key, coalesce(e.bytes, 0) FROM log_group g "
            f"LEFT JOIN (SELECT log_group, sum(bytes)::BIGINT AS bytes FROM {HELD} GROUP BY 1) e "
            "ON e.log_group = g.name WHERE starts_with(g.name, ?) AND contains(g.name, ?) "
            "AND (len(?) = 0 OR list_contains(?, g.name)) ORDER BY g.name",
            [prefix, pattern, names, names],
        )
        found = list(rows) if request.get("logGroupClass", "STANDARD") == "STANDARD" else []
        page, token = page_of(found, request.get("limit", 50), request.get("nextToken"))
        return {"logGroups": [_group(*row) for row in page], **token}

    def create_log_stream(self, request: dict[str, Any]) -> dict[str, Any]:
        group, name = request["logGroupName"], request["logStreamName"]
        self.require_group(group)
        if not STREAM_NAME.fullmatch(name):
            raise invalid(f"the log stream name {name[:60]!r} does not match the pattern [^:*]*")
        if self.has_stream(group, name):
            raise already_exists("log stream")
        self._store.execute("INSERT OR IGNORE INTO log_stream VALUES (?, ?, ?)", [group, name, now_ms()])
        return {}

    def delete_log_stream(self, request: dict[str, Any]) -> dict[str, Any]:
        group, name = request["logGroupName"], request["logStreamName"]
        self.require_stream(group, name)
        with self._store.transaction() as cursor:
            cursor.execute("DELETE FROM log_event WHERE log_group = ? AND log_stream = ?", [group, name])
            cursor.execute("DELETE FROM log_stream WHERE log_group = ? AND name = ?", [group, name])
        return {}

    def describe_log_streams(self, request: dict[str, Any]) -> dict[str, Any]:
        group = group_of(request)
        self.require_group(group)
        by_time = request.get("orderBy") == "LastEventTime"
        if by_time and request.get("logStreamNamePrefix"):
            raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        rows = self._store.rows(
            "SELECT s.name, s.created_ms, e.first_ms, e.last_ms, e.stored_at, s.log_group "
            f"FROM log_stream s LEFT JOIN {HELD} e ON e.log_group = s.log_group AND e.log_stream = s.name "
            "WHERE s.log_group = ? AND starts_with(s.name, ?) "
            f"ORDER BY {'e.last_ms NULLS FIRST' if by_time else 's.name'}",
            [group, request.get("logStreamNamePrefix", "")],
        )
        ordered = list(reversed(rows)) if request.get("descending") else list(rows)
        page, token = page_of(ordered, request.get("limit", 50), request.get("nextToken"))
        return {"logStreams": [_stream(*row) for row in page], **token}

    def put_retention_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        days = request["retentionInDays"]
        if days not in RETENTION_DAYS:
            raise invalid(
                f"retentionInDays is {days}; it has to be one of {', '.join(map(str, RETENTION_DAYS))}"
            )
        return self._set_retention(request["logGroupName"], days)

    def delete_retention_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._set_retention(request["logGroupName"], None)

    def _set_retention(self, group: str, days: int | None) -> dict[str, Any]:
        self.require_group(group)
        self._store.execute("UPDATE log_group SET retention_days = ? WHERE name = ?", [days, group])
        return {}

    def has_group(self, name: str) -> bool:
        if name == SPAN_GROUP:
            self._span_log.appear()
        return bool(self._store.rows("SELECT 1 FROM log_group WHERE name = ?", [name]))

    def has_stream(self, group: str, name: str) -> bool:
        found = self._store.rows("SELECT 1 FROM log_stream WHERE log_group = ? AND name = ?", [group, name])
        return bool(found)

    def require_group(self, name: str) -> None:
        if not self.has_group(name):
            raise not_found("log group")

    def require_stream(self, group: str, name: str) -> int | None:
        """Returns how many days the group keeps its events, None for ever."""
        if group == SPAN_GROUP:
            self._span_log.appear()
        found = self._store.rows(
            "SELECT s.name, g.retention_days FROM log_group g LEFT JOIN log_stream s "
            "ON s.log_group = g.name AND s.name = ? WHERE g.name = ?",
            [name, group],
        )
        if not found:
            raise not_found("log group")
        if found[0][0] is None:
            raise not_found("log stream")
        days: int | None = found[0][1]
        return days


def put_tags(store: Store, group: str, tags: dict[str, str]) -> None:
    for name, value in tags.items():
        store.execute("INSERT OR REPLACE INTO log_group_tag VALUES (?, ?, ?)", [group, name, value])


def group_of(request: dict[str, Any]) -> str:
    """A group is named by its name or by its ARN, and not by both."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if bool(name) == bool(identifier):
        raise invalid("Exactly one of logGroupName and logGroupIdentifier has to be given.")
    return str(name) if name else group_identified(str(identifier))


def group_identified(identifier: str) -> str:
    """An identifier is a name or an ARN, and that does not end as it does in policies."""
    if identifier.endswith(":*"):
        where = "1 validation error detected: Value at 'logGroupIdentifier' failed to satisfy constraint"
        raise invalid(f"{where}: Member must satisfy regular expression pattern: [\\w#+=/:,.@-]*")
    return group_named(identifier)


def group_named(identifier: str) -> str:
    """From `arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*`, with or without the end; else it is the name."""
    return identifier.partition(":log-group:")[2].removesuffix(":*") or identifier


def _group(
    name: str, created: int, retention: int | None, kms_key: str | None, stored: int
) -> dict[str, Any]:
    arn = f"{ACCOUNT}:log-group:{name}"
    answer = {
        "logGroupName": name,
        "creationTime": created,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": stored,
        "logGroupClass": "STANDARD",
    }
    more = {"retentionInDays": retention, "kmsKeyId": kms_key}
    return answer | {key: value for key, value in more.items() if value is not None}


def _stream(
    name: str, created: int, first: int | None, last: int | None, ingested: int | None, group: str
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "logStreamName": name,
        "creationTime": created,
        "arn": f"{ACCOUNT}:log-group:{group}:log-stream:{name}",
        "storedBytes": 0,
        "uploadSequenceToken": "0",
    }
    if first is not None:
        answer |= {"firstEventTimestamp": first, "lastEventTimestamp": last, "lastIngestionTime": ingested}
    return answer
