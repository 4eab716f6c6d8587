"""The tables of the Honeycomb stand-in.

An event is a row of `events`: the fields that every question asks for are columns, the others one JSON
text. What all events of a process share (dataset, service.name, the resource's and the scope's attributes)
is stored once in `resources`. `stored_at` (milliseconds) is when a row came; the store trims by it.
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    stored_at BIGINT DEFAULT epoch_ms(now()),
    time BIGINT,            -- nanoseconds since 1970
    resource BIGINT,
    trace_id VARCHAR,
    span_id VARCHAR,
    parent_id VARCHAR,
    name VARCHAR,
    kind VARCHAR,
    duration_ms DOUBLE,
    status_code INTEGER,
    error BOOLEAN,
    annotation VARCHAR,
    part INTEGER,           -- 0 a span, 1.. its events and links, NULL what has no identity
    sample_rate INTEGER,
    attributes VARCHAR USING COMPRESSION zstd
);
CREATE TABLE IF NOT EXISTS resources (
    id BIGINT PRIMARY KEY,
    dataset VARCHAR,
    service VARCHAR,
    signal VARCHAR,
    attributes VARCHAR,
    seen_at BIGINT
);
CREATE TABLE IF NOT EXISTS datasets (slug VARCHAR PRIMARY KEY, name VARCHAR, created_at BIGINT);
CREATE TABLE IF NOT EXISTS dataset_settings (
    slug VARCHAR PRIMARY KEY, description VARCHAR, expand_json_depth INTEGER, delete_protected BOOLEAN
);
CREATE TABLE IF NOT EXISTS column_settings (
    dataset VARCHAR, id VARCHAR, key_name VARCHAR, type VARCHAR, description VARCHAR, hidden BOOLEAN,
    created_at BIGINT, updated_at BIGINT, deleted_at BIGINT, PRIMARY KEY (dataset, key_name)
);
CREATE TABLE IF NOT EXISTS queries (
    stored_at BIGINT DEFAULT epoch_ms(now()), id VARCHAR, dataset VARCHAR, document VARCHAR
);
CREATE TABLE IF NOT EXISTS query_results (
    stored_at BIGINT DEFAULT epoch_ms(now()), id VARCHAR, dataset VARCHAR, document VARCHAR
);
CREATE TABLE IF NOT EXISTS map_requests (
    stored_at BIGINT DEFAULT epoch_ms(now()), id VARCHAR, document VARCHAR
);
"""

# A resource in use is written again every few minutes: an old one without events has no writer.
DROP_UNUSED_RESOURCES = """
DELETE FROM resources
WHERE seen_at < epoch_ms(now()) - 3600000 AND id NOT IN (SELECT resource FROM events)
"""
