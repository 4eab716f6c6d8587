"""The statements that derive Application Signals' records from spans, in the order in which they run.

They follow AWS's distro, which records each span when it ends (`aws_span_metrics_processor.py`): as its
service's own if it is a SERVER span or a local root, as a call of a dependency if it is a CLIENT, PRODUCER or
CONSUMER span. INTERNAL spans are otherwise ignored.

Each makes a table that is gone afterwards, but for the last. Traces, services and names go by numbers until
only sums are left: joins carry them.
"""

from threemaps.standins.application_signals.names_sql import (
    DEFAULT_ENVIRONMENT,
    INTERNAL_OPERATION,
    OPERATION,
    REMOTE_OPERATION,
    REMOTE_SERVICE,
    UNKNOWN_OPERATION,
    spans_with_names,
)

MINUTE_NS = 60_000_000_000
# Longer names are cut. A service has so many sets of names an hour; what is beyond is counted together.
SERVICE_LENGTH, ENVIRONMENT_LENGTH, NAME_LENGTH = 255, 259, 1024
NAMES_AN_HOUR = 500
OTHER_OPERATIONS, OTHER_REMOTE_OPERATIONS = "AllOtherOperations", "AllOtherRemoteOperations"

_SERVER, _CONSUMER = 2, 5
_SERVICE = "coalesce(local_service, service)"
_ENVIRONMENT = f"coalesce(local_environment, environment, '{DEFAULT_ENVIRONMENT}')"
_NEAR = f"hash({_SERVICE}, {_ENVIRONMENT}, local_operation, {OPERATION})"
# Either says what of the callee it is, as a table, or nothing does.
_RESOURCE = "CASE WHEN remote_resource_type IS NOT NULL THEN remote_resource END"
_RESOURCE_TYPE = "CASE WHEN remote_resource IS NOT NULL THEN remote_resource_type END"
_FAR = f"hash({REMOTE_SERVICE}, {REMOTE_OPERATION}, remote_environment, {_RESOURCE}, {_RESOURCE_TYPE})"

IN_WINDOW = """
CREATE TEMP TABLE wanted AS
SELECT trace_hi, trace_lo, row_number() OVER ()::UINTEGER AS trace
FROM (SELECT DISTINCT trace_hi, trace_lo FROM spans WHERE end_ns >= ? AND end_ns < ?)
"""

# is_root: null where neither the span nor its flags say whether its parent is in another process.
# failure: 1 an error, 2 a fault.
FOUND = f"""
CREATE TEMP TABLE found AS
SELECT trace, named.* EXCLUDE (trace_hi, trace_lo) FROM (
SELECT trace_hi, trace_lo, span, parent, kind, received, row,
    CASE WHEN parent IS NULL OR span_kind = 'LOCAL_ROOT' THEN true
        WHEN flags & 256 = 256 THEN flags & 512 = 512 END AS is_root,
    end_ns // {MINUTE_NS} AS minute, (end_ns - start_ns) / 1e6 AS latency,
    CASE WHEN http_status BETWEEN 400 AND 499 THEN 1
        WHEN http_status BETWEEN 500 AND 599 OR status = 2 THEN 2 ELSE 0 END::UTINYINT AS failure,
    CASE WHEN {_SERVICE} IS NOT NULL THEN hash({_SERVICE}) END AS process,
    local_operation IS NOT NULL AS says_operation,
    {_NEAR} AS near, CASE WHEN kind > {_SERVER} THEN {_FAR} END AS far
FROM {spans_with_names("(SELECT *, rowid AS row FROM spans)")}
) AS named JOIN wanted USING (trace_hi, trace_lo)
"""


def _one_of_each(column: str) -> str:
    """A span of each name."""
    one = f"(SELECT any_value(row) AS rowid FROM found WHERE {column} IS NOT NULL GROUP BY {column})"
    return spans_with_names(f"(SELECT spans.* FROM spans JOIN {one} AS one ON one.rowid = spans.rowid)")


NAMES_NEAR = f"""
CREATE TEMP TABLE near AS
SELECT {_NEAR} AS near, left({_SERVICE}, {SERVICE_LENGTH}) AS service,
    left({_ENVIRONMENT}, {ENVIRONMENT_LENGTH}) AS environment, local_operation, {OPERATION} AS operation
FROM {_one_of_each("near")}
"""

NAMES_FAR = f"""
CREATE TEMP TABLE afar AS
SELECT {_FAR} AS far, {REMOTE_SERVICE} AS service, {REMOTE_OPERATION} AS operation,
    remote_environment AS environment, {_RESOURCE} AS resource, {_RESOURCE_TYPE} AS resource_type
FROM {_one_of_each("far")}
"""

TWINS = """
CREATE TEMP TABLE twins AS
SELECT trace, span FROM found GROUP BY ALL HAVING count(*) > 1
"""

# Two sent with one id are one: a complete one before one in progress, else the later.
LATEST = """
DELETE FROM found USING (
    SELECT trace, span, arg_max(rowid, (minute IS NOT NULL, received, rowid)) AS best
    FROM found SEMI JOIN twins USING (trace, span) GROUP BY ALL
) AS latest
WHERE latest.trace = found.trace AND latest.span = found.span AND latest.best <> found.rowid
"""

# `above` is the parent. A subsegment that came alone does not know its service: it is its parent's.
LINKED = """
CREATE TEMP TABLE linked AS
SELECT below.trace, below.span, below.parent, below.kind, below.minute, below.latency, below.failure,
    below.near, below.far, below.process, below.says_operation,
    coalesce(below.is_root, above.span IS NULL OR coalesce(above.process <> below.process, false)) AS is_root,
    above.kind AS above_kind, above.near AS above_near,
    coalesce(above.process <> below.process, false) AS crosses
FROM found AS below LEFT JOIN found AS above
    ON above.trace = below.trace AND above.span = below.parent AND above.span <> below.span
"""

# Who answered a call: the first of the services whose spans have it as their parent.
CALLEES = f"""
CREATE TEMP TABLE callees AS
SELECT trace, parent AS span, arg_min(near, (minute, span)) AS callee
FROM linked
WHERE above_kind > {_SERVER} AND process IS NOT NULL AND (kind IN ({_SERVER}, {_CONSUMER}) OR crosses)
GROUP BY ALL
"""
NO_CALLEES = """
CREATE TEMP TABLE callees AS
SELECT trace, span, near AS callee FROM linked WHERE false
"""

# Calls whose parent is not their service's entry span have it further up.
CALLS_INSIDE = f"""
CREATE TEMP TABLE inside AS
SELECT trace, span FROM linked
WHERE kind > {_SERVER} AND NOT is_root AND above_kind <> {_SERVER} AND (process IS NULL OR NOT says_operation)
"""
STEPS = f"""
CREATE TEMP TABLE steps AS
SELECT here.trace, here.span, here.parent AS next,
    above.kind = {_SERVER} OR above.is_root AS has_arrived, above.near AS entry, above.kind AS entry_kind
FROM (SELECT * FROM linked SEMI JOIN inside USING (trace)) AS here JOIN linked AS above
    ON above.trace = here.trace AND above.span = here.parent
WHERE here.kind <> {_SERVER} AND NOT here.is_root
"""
# Every round doubles the length of the steps. Steps in a circle arrive nowhere.
FURTHER_STEPS = """
CREATE OR REPLACE TEMP TABLE steps AS
SELECT * FROM steps WHERE has_arrived
UNION ALL
SELECT here.trace, here.span, there.next, there.has_arrived, there.entry, there.entry_kind
FROM steps AS here JOIN steps AS there
    ON NOT here.has_arrived AND there.trace = here.trace AND there.span = here.next
"""
UNDER_WAY = "SELECT count(*) FROM steps WHERE NOT has_arrived"

# far is null in a service's own records. entry: the span in which the service's part of the trace begins.
SUMMED = f"""
CREATE TEMP TABLE summed AS
WITH records AS (
    SELECT minute, near, kind = {_SERVER} AS by_name, NULL AS far, NULL AS entry, NULL AS callee,
        latency, failure
    FROM linked WHERE kind = {_SERVER} OR is_root
    UNION ALL
    SELECT minute, near, NOT is_root AND coalesce(entry_kind, {_SERVER}) = {_SERVER}, far,
        CASE WHEN above_kind = {_SERVER} THEN above_near ELSE entry END, callee,
        latency, failure
    FROM linked LEFT JOIN callees USING (trace, span)
        LEFT JOIN (SELECT * FROM steps WHERE has_arrived) USING (trace, span)
    WHERE kind > {_SERVER}
)
SELECT minute, near, by_name, far, entry, callee,
    count(*) AS calls, sum(latency) AS total, min(latency) AS least, max(latency) AS most,
    count(*) FILTER (failure = 2) AS faults, count(*) FILTER (failure = 1) AS errors,
    list(latency) AS latencies
FROM records WHERE minute >= ? AND minute < ? GROUP BY ALL
"""


def _is_drawn(column: str) -> str:
    """A name that no metric can have as a dimension draws nothing, as with AWS's agent."""
    return f"coalesce(regexp_full_match({column}, '[ -~]*[!-~][ -~]*'), {column} IS NULL)"


_SET = (
    "service, environment, operation, remote_service, remote_operation, remote_environment, "
    "remote_resource, remote_resource_type"
)
_ADDED = """sum(calls)::BIGINT AS calls, sum(total) AS total, min(least) AS least, max(most) AS most,
    sum(faults)::BIGINT AS faults, sum(errors)::BIGINT AS errors, flatten(list(latencies)) AS latencies,
    max(callee_environment) AS callee_environment"""

MINUTES = f"""
CREATE OR REPLACE TABLE signals.minutes AS
WITH named AS (
    SELECT minute, coalesce(near.service, entries.service) AS service,
        CASE WHEN near.service IS NULL THEN entries.environment ELSE near.environment END AS environment,
        CASE
            WHEN NOT by_name THEN '{INTERNAL_OPERATION}'
            WHEN far IS NULL THEN near.operation
            ELSE coalesce(near.local_operation, entries.operation, '{UNKNOWN_OPERATION}')
        END[:{NAME_LENGTH}] AS operation,
        coalesce(callees.service, afar.service)[:{NAME_LENGTH}] AS remote_service,
        afar.operation[:{NAME_LENGTH}] AS remote_operation,
        afar.environment[:{NAME_LENGTH}] AS remote_environment,
        afar.resource[:{NAME_LENGTH}] AS remote_resource,
        afar.resource_type[:{NAME_LENGTH}] AS remote_resource_type,
        callees.environment AS callee_environment,
        calls, total, least, most, faults, errors, latencies
    FROM summed JOIN near USING (near) LEFT JOIN afar USING (far)
        LEFT JOIN near AS entries ON entries.near = entry LEFT JOIN near AS callees ON callees.near = callee
), added AS (
    SELECT hash({_SET}) AS id, minute, {_SET}, {_ADDED} FROM named
    WHERE service IS NOT NULL AND {" AND ".join(map(_is_drawn, _SET.split(", ")))}
    GROUP BY minute, {_SET}
), ranked AS (
    SELECT minute // 60 AS hour, id,
        row_number() OVER (
            PARTITION BY hour, any_value(service) ORDER BY min(minute), sum(calls) DESC, id) AS rank
    FROM added GROUP BY hour, id
), limited AS (
    SELECT added.* REPLACE (
        CASE WHEN rank IS NULL THEN operation ELSE '{OTHER_OPERATIONS}' END AS operation,
        CASE WHEN rank IS NULL OR remote_operation IS NULL THEN remote_operation
            ELSE '{OTHER_REMOTE_OPERATIONS}' END AS remote_operation,
        CASE WHEN rank IS NULL OR remote_environment IS NULL THEN remote_environment ELSE '-' END
            AS remote_environment,
        CASE WHEN rank IS NULL THEN remote_resource END AS remote_resource,
        CASE WHEN rank IS NULL THEN remote_resource_type END AS remote_resource_type
    )
    FROM added LEFT JOIN (SELECT * FROM ranked WHERE rank > {NAMES_AN_HOUR}) AS beyond
        ON beyond.hour = minute // 60 AND beyond.id = added.id
)
SELECT hash({_SET}) AS id, minute, {_SET}, {_ADDED} FROM limited GROUP BY minute, {_SET}
"""
