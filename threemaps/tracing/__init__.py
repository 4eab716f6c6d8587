"""What a service gets at its start, so that its own code needs no tracing."""
