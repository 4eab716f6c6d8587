"""Honeycomb, locally: `app` has its doors; `beside` translates large requests in a process of its own."""
