"""The table of breakages and of healthy services: each is a small service that is really run."""
