"""X-Ray: segments in; service graph, traces and summaries out, derived from the table of spans when asked."""
