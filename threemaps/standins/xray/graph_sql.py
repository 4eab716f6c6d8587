"""The statements that derive the service graph, in the order in which they are carried out.

Each makes a table that is gone after the answer. Traces and nodes go by numbers: joins carry both, and are
three times as quick with them.
"""

from threemaps.standins.xray.destination import INDEXED

IN_WINDOW = f"""
CREATE TEMP TABLE wanted AS
SELECT trace_hi, trace_lo, row_number() OVER ()::UINTEGER AS trace
FROM (SELECT DISTINCT trace_hi, trace_lo FROM spans WHERE end_ns >= ? AND end_ns < ? AND {INDEXED})
"""

NAMED = """
CREATE TEMP TABLE wanted AS
SELECT trace_hi, trace_lo, row_number() OVER ()::UINTEGER AS trace
FROM (SELECT DISTINCT unnest(?::UBIGINT[]) AS trace_hi, unnest(?::UBIGINT[]) AS trace_lo)
"""

PLACES = """
CREATE TEMP TABLE places AS
WITH drawn AS (
    SELECT DISTINCT node, node_type, made_node, made_type
    FROM spans SEMI JOIN wanted USING (trace_hi, trace_lo)
)
SELECT node, node_type, row_number() OVER ()::UINTEGER AS place
FROM (
    SELECT node, node_type FROM drawn WHERE node IS NOT NULL
    UNION
    SELECT made_node, made_type FROM drawn WHERE made_node IS NOT NULL
)
"""

# What nobody sent has an id that nobody sends.
MADE_ID = "xor(span, 18446744073709551615::UBIGINT)"

FOUND = f"""
CREATE TEMP TABLE found AS
SELECT trace, span AS id, CASE WHEN made_node IS NULL THEN parent ELSE {MADE_ID} END AS parent,
    coalesce(top, span) AS top, of_segment, of_segment AND coalesce(top, span) = span AS is_segment, place,
    start_ns AS started, end_ns AS ended, failure AS flags, received
FROM spans JOIN wanted USING (trace_hi, trace_lo) LEFT JOIN places USING (node, node_type)
"""

# Of calls that start something by themselves.
MADE = f"""
INSERT INTO found
SELECT trace, {MADE_ID}, parent, {MADE_ID}, true, true, place, start_ns, end_ns, failure, received
FROM spans JOIN wanted USING (trace_hi, trace_lo)
JOIN places ON places.node = made_node AND places.node_type = made_type
"""

TWINS = """
CREATE TEMP TABLE twins AS
SELECT trace, id FROM found GROUP BY ALL HAVING count(*) > 1
"""

# Two sent with one id are one: a complete one before one in progress, else the later.
LATEST = """
DELETE FROM found USING (
    SELECT trace, id, arg_max(rowid, (ended IS NOT NULL, received, rowid)) AS best
    FROM found SEMI JOIN twins USING (trace, id) GROUP BY ALL
) AS latest
WHERE latest.trace = found.trace AND latest.id = found.id AND latest.best <> found.rowid
"""

# Below what the documents of subsegments hang. `next` is a segment, which is the last step, or the document
# above. Of one that came in a segment's document too, that may be the one that counts.
HUNG = """
CREATE TEMP TABLE hung AS
WITH heads AS (
    SELECT trace, id, parent, top, of_segment FROM found WHERE id = top AND NOT of_segment
    UNION ALL
    SELECT trace, id, parent, top, of_segment
    FROM found SEMI JOIN (SELECT trace, top AS id FROM found WHERE NOT of_segment AND id <> top) AS tops
        USING (trace, id)
    WHERE id <> top
)
SELECT heads.trace, heads.id, CASE WHEN heads.of_segment THEN heads.top ELSE above.top END AS next,
    heads.of_segment OR above.of_segment AS is_last, coalesce(above.is_segment, false) AS has_arrived,
    above.place
FROM heads LEFT JOIN found AS above
    ON NOT heads.of_segment AND above.trace = heads.trace AND above.id = heads.parent
WHERE heads.of_segment OR above.id IS NOT NULL
"""

UNDER_WAY = "CREATE TEMP TABLE steps AS SELECT trace, id, next, is_last FROM hung WHERE NOT has_arrived"

# The segment that a document belongs to, by the document's outermost id.
HOMES = """(
    SELECT trace, id, true AS is_segment, place FROM found WHERE is_segment
    UNION ALL
    SELECT trace, id, false, place FROM hung WHERE has_arrived
) AS homes"""

ARRIVALS = f"""
INSERT INTO hung
SELECT steps.trace, steps.id, NULL, NULL, true, homes.place
FROM steps JOIN {HOMES}
    ON homes.trace = steps.trace AND homes.id = steps.next AND (homes.is_segment OR NOT steps.is_last)
"""

# Every round doubles the length of the steps. Steps in a circle arrive nowhere.
FURTHER_STEPS = """
CREATE OR REPLACE TEMP TABLE steps AS
SELECT here.trace, here.id, there.next, there.is_last
FROM steps AS here JOIN steps AS there
    ON NOT here.is_last AND there.trace = here.trace AND there.id = here.next
"""

# A segment with its parent; `top` and `of_segment` say where that hangs.
VISITS = """
CREATE TEMP TABLE visits AS
SELECT callee.trace, above.id AS above, above.top, above.of_segment,
    callee.place, callee.started, callee.ended, callee.flags,
    above.place IS NOT NULL AND NOT above.is_segment AS was_call,
    above.started AS call_started, above.ended AS call_ended, above.flags AS call_flags
FROM found AS callee LEFT JOIN found AS above
    ON above.trace = callee.trace AND above.id = callee.parent AND above.id <> callee.id
WHERE callee.is_segment
"""

# One row a request, with the node of the segment that the caller belongs to: null for a request from outside.
REQUESTS = f"""
CREATE TEMP TABLE requests AS
WITH made AS (
    SELECT trace, top, of_segment, true AS answered, place,
        flags, ended, ended - started AS took, started,
        CASE WHEN was_call THEN flags | call_flags ELSE flags END AS edge_flags,
        CASE WHEN was_call THEN coalesce(ended, call_ended) ELSE ended END AS edge_ended,
        CASE WHEN was_call THEN coalesce(call_ended - call_started, took) ELSE took END AS edge_took
    FROM visits
    UNION ALL
    SELECT trace, top, of_segment, false, place,
        flags, ended, ended - started, started, flags, ended, ended - started
    FROM found ANTI JOIN visits ON visits.trace = found.trace AND visits.above = found.id
    WHERE place IS NOT NULL AND NOT is_segment
)
SELECT answered, made.place, flags, ended, took, started,
    -- A caller that belongs to no segment is nobody: then the client's view is the segment's own.
    CASE WHEN homes.id IS NULL THEN flags ELSE edge_flags END AS edge_flags,
    CASE WHEN homes.id IS NULL THEN ended ELSE edge_ended END AS edge_ended,
    CASE WHEN homes.id IS NULL THEN took ELSE edge_took END AS edge_took,
    homes.place AS source
FROM made LEFT JOIN {HOMES}
    ON homes.trace = made.trace AND homes.id = made.top AND (homes.is_segment OR NOT made.of_segment)
WHERE answered OR homes.id IS NOT NULL
"""

# Durations in seconds, to three digits as a histogram's values. First the edges, then nodes that answered.
SUMMED = """
WITH figures AS (
    SELECT true AS is_edge, answered, source, place, edge_flags AS flags,
        edge_ended AS counted, edge_took AS took, started
    FROM requests
    UNION ALL
    SELECT false, answered, NULL, place, flags, ended, took, started
    FROM requests
), summed AS (
    SELECT {slot} AS slot, is_edge, answered, source, place, flags,
        CASE WHEN took > 0 THEN round(took / 1e9, 11 - floor(log10(took))::INTEGER) ELSE 0 END AS value,
        count(*) AS requests, sum(took) AS took_ns, min(started) AS first, max(counted) AS last
    FROM figures WHERE counted >= ? AND counted < ?
    GROUP BY ALL
)
SELECT slot, is_edge, answered, sources.node, sources.node_type, targets.node, targets.node_type,
    flags, value, requests, took_ns, first, last
FROM summed JOIN places AS targets USING (place) LEFT JOIN places AS sources ON sources.place = source
"""
