"""The spans of the local AWS: one table that is written by OTLP and by PutTraceSegments, and read by many."""
