"""Honeycomb, locally: `app` has its endpoints; `beside` translates large requests in a process of its own."""
