"""The table of spans, which X-Ray, Application Signals and the log group `aws/spans` are views of.

A row is a span that came by OTLP (`resource` is set), or a segment or subsegment that came in a document.
What was sent again is a row again: of those with one trace and one id a complete one counts before one in
progress, else the one received later.
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS spans (
    stored_at BIGINT DEFAULT epoch_ms(now()),
    received BIGINT,                     -- nanoseconds since 1970, like all times
    trace_hi UBIGINT, trace_lo UBIGINT,  -- the trace id's 32 hexadecimal digits
    span UBIGINT, parent UBIGINT,        -- parent: null without one
    name VARCHAR,
    kind UTINYINT,                       -- as OTLP numbers them, see span.py
    flags UINTEGER,                      -- OTLP's: bits 8 and 9 say that the parent is in another process
    start_ns BIGINT, end_ns BIGINT,      -- end: null while in progress
    status UTINYINT,                     -- OTLP's: 2 is an error
    http_status USMALLINT,
    service VARCHAR,                     -- null for a subsegment that was sent on its own
    environment VARCHAR,
    -- The attributes peer.service, aws.local.*, aws.remote.*, aws.span.kind.
    peer_service VARCHAR,
    local_service VARCHAR, local_operation VARCHAR, local_environment VARCHAR,
    remote_service VARCHAR, remote_operation VARCHAR, remote_environment VARCHAR,
    remote_resource VARCHAR, remote_resource_type VARCHAR,
    span_kind VARCHAR,
    resource BIGINT,                     -- in span_resources; null for what came in a document
    attributes VARCHAR USING COMPRESSION zstd, -- one flat JSON object
    details VARCHAR,                     -- JSON of events, links, message and state; null without
    -- X-Ray's view, and nobody else's
    top UBIGINT,                         -- the outermost one of the same document; null: it stands on its own
    of_segment BOOLEAN,                  -- whether that outermost one is a segment
    node VARCHAR, node_type VARCHAR,     -- what it is in the graph; null for work inside a service
    made_node VARCHAR, made_type VARCHAR, -- of the segment made around a call that is first in its process
    failure UTINYINT,                    -- error, throttle, fault
    document VARCHAR USING COMPRESSION zstd -- as it was sent, with the row of its outermost one
);
CREATE TABLE IF NOT EXISTS span_resources (
    id BIGINT PRIMARY KEY,
    attributes VARCHAR, scope VARCHAR,   -- JSON objects; scope: name, version, attributes
    seen_at BIGINT
);
"""

# A resource in use is written again every few minutes: an old one without spans has no writer.
DROP_UNUSED_RESOURCES = """
DELETE FROM span_resources
WHERE seen_at < epoch_ms(now()) - 3600000 AND id NOT IN (
    SELECT resource FROM spans WHERE resource IS NOT NULL
)
"""
