"""The tables of CloudWatch."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS log_group (
    name VARCHAR PRIMARY KEY, created_ms BIGINT, retention_days INTEGER, kms_key VARCHAR
);
CREATE TABLE IF NOT EXISTS log_group_tag (
    log_group VARCHAR, name VARCHAR, value VARCHAR, PRIMARY KEY (log_group, name)
);
CREATE TABLE IF NOT EXISTS log_policy (name VARCHAR PRIMARY KEY, document VARCHAR, changed_ms BIGINT);
CREATE TABLE IF NOT EXISTS log_stream (
    log_group VARCHAR, name VARCHAR, created_ms BIGINT, PRIMARY KEY (log_group, name)
);
CREATE TABLE IF NOT EXISTS log_event (
    sequence BIGINT, log_group VARCHAR, log_stream VARCHAR, time_ms BIGINT, message VARCHAR,
    stored_at BIGINT DEFAULT epoch_ms(now())
);
CREATE TABLE IF NOT EXISTS metric_sample (
    namespace VARCHAR, name VARCHAR, dimensions VARCHAR, time_ms BIGINT, unit VARCHAR, told VARCHAR,
    stored_at BIGINT DEFAULT epoch_ms(now())
);
CREATE TABLE IF NOT EXISTS otlp_point (
    name VARCHAR, labels VARCHAR, time_ms BIGINT, value VARCHAR, histogram VARCHAR,
    stored_at BIGINT DEFAULT epoch_ms(now())
);
CREATE TABLE IF NOT EXISTS dashboard (name VARCHAR PRIMARY KEY, body VARCHAR, changed_ms BIGINT);
CREATE TABLE IF NOT EXISTS insights_query (
    id VARCHAR PRIMARY KEY, log_groups VARCHAR, text VARCHAR, created_ms BIGINT, duration_ms BIGINT,
    bytes_scanned DOUBLE, answer VARCHAR, stored_at BIGINT DEFAULT epoch_ms(now())
);
"""
