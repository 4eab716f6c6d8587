"""The log group `aws/spans`, where Transaction Search keeps every span as a JSON event: a view of the spans.

The events are not stored. They are made for each page that is read.
"""

from collections.abc import Callable, Sequence
from typing import Any

from threemaps.standins.store import Rows, Store

SPAN_GROUP, SPAN_STREAM = "aws/spans", "default"

# Every span that has ended, as a log event without its message. `sequence` is the same each time.
EVENTS = f"""(
    SELECT end_ns // 1000000 AS time_ms,
        (hash(trace_hi, trace_lo, span, received) % 100000000000000000)::BIGINT AS sequence,
        '{SPAN_STREAM}' AS log_stream, '{SPAN_GROUP}' AS log_group, stored_at, rowid AS row
    FROM spans WHERE end_ns IS NOT NULL
)"""
PAGE = f"""
WITH RECURSIVE page AS MATERIALIZED (
    SELECT time_ms, sequence, log_stream, log_group, stored_at, row FROM {EVENTS} AS events
    WHERE {{where}} ORDER BY time_ms {{order}}, sequence {{order}} LIMIT {{limit}}
), events AS MATERIALIZED (
    SELECT page.*, spans.* EXCLUDE (stored_at) FROM page JOIN spans ON spans.rowid = page.row
), climb AS (
    SELECT row, trace_hi, trace_lo, parent, service, 0 AS depth FROM events WHERE service IS NULL
    UNION ALL
    SELECT climb.row, spans.trace_hi, spans.trace_lo, spans.parent, spans.service, depth + 1
    FROM climb JOIN spans ON spans.trace_hi = climb.trace_hi AND spans.trace_lo = climb.trace_lo
        AND spans.span = climb.parent
    WHERE climb.service IS NULL AND depth < 64
), owners AS (
    SELECT row, any_value(service) AS owner FROM climb WHERE service IS NOT NULL GROUP BY row
)
SELECT time_ms, sequence, log_stream,
    '{{{{"resource":{{{{"attributes":'
    || coalesce(held.attributes, json_object('service.name', coalesce(service, owner)))
    || '}}}},"scope":' || coalesce(held.scope, '{{{{}}}}')
    || ',"traceId":"' || format('{{{{:016x}}}}{{{{:016x}}}}', trace_hi, trace_lo)
    || '","spanId":"' || format('{{{{:016x}}}}', span)
    || '"' || coalesce(',"parentSpanId":"' || format('{{{{:016x}}}}', parent) || '"', '')
    || ',"flags":' || coalesce(flags, 0) || ',"name":' || to_json(name)
    || ',"kind":"' || ['INTERNAL', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'][kind + 1]
    || '","startTimeUnixNano":' || start_ns || ',"endTimeUnixNano":' || end_ns
    || ',"durationNano":' || (end_ns - start_ns)
    || ',"attributes":' || coalesce(events.attributes, json_merge_patch('{{{{}}}}', json_object(
        'http.response.status_code', http_status, 'aws.remote.service', remote_service)))
    || coalesce(',"events":' || json_extract(details, '$.events'), '')
    || coalesce(',"links":' || json_extract(details, '$.links'), '')
    || ',"status":{{{{"code":"' || ['UNSET', 'OK', 'ERROR'][coalesce(status, 0) + 1] || '"'
    || coalesce(',"message":' || json_extract(details, '$.message'), '') || '}}}}}}}}' AS message,
    events.stored_at, log_group
FROM events LEFT JOIN span_resources AS held ON held.id = resource LEFT JOIN owners USING (row)
ORDER BY time_ms {{order}}, sequence {{order}}
"""


class SpanLog:
    def __init__(self, store: Store, is_searched: Callable[[], bool]) -> None:
        """`is_searched`: whether Transaction Search is on."""
        self._store = store
        self._is_searched = is_searched

    def appear(self) -> None:
        """The group is there from the first span on that came while Transaction Search was on."""
        if not self._is_searched() or not self._store.rows("SELECT 1 FROM spans LIMIT 1"):
            return
        if self._store.rows("SELECT 1 FROM log_group WHERE name = ?", [SPAN_GROUP]):
            return
        for statement, row in (
            ("INSERT OR IGNORE INTO log_group (name, created_ms) VALUES (?, epoch_ms(now()))", [SPAN_GROUP]),
            ("INSERT OR IGNORE INTO log_stream VALUES (?, ?, epoch_ms(now()))", [SPAN_GROUP, SPAN_STREAM]),
        ):
            self._store.execute(statement, row)


def page(store: Store, where: str, parameters: Sequence[Any], order: str, limit: int) -> Rows:
    """Log events, as `scan` has them."""
    return store.rows(PAGE.format(where=where, order=order, limit=limit), parameters)
