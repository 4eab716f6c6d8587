"""A Flask service under AWS's distro, in the distro's environment: `distro_app.py PORT`."""

import os
import sys
from contextlib import suppress

import requests
from flask import Flask
from opentelemetry import trace
from opentelemetry.context import Context

app = Flask(__name__)
tracer = trace.get_tracer("shop")
CALLEE, DEAD = os.environ.get("CALLEE", ""), os.environ.get("DEAD", "")


@app.get("/pay/<int:status>")
def pay(status: int) -> tuple[str, int]:
    return "", status


@app.get("/buy/<int:status>")
def buy(status: int) -> tuple[str, int]:
    """A call from inside two spans of the service's own."""
    with tracer.start_as_current_span("work"), tracer.start_as_current_span("more work"):
        answer = requests.get(f"{CALLEE}/pay/{status}", timeout=10)
    return "", answer.status_code


@app.get("/twice/<int:status>")
def twice(status: int) -> tuple[str, int]:
    """A call that nobody answers, and one that somebody does."""
    with suppress(requests.ConnectionError):
        requests.get(f"{DEAD}/nothing", timeout=10)
    requests.get(f"{CALLEE}/pay/{status}", timeout=10)
    return "", 200


@app.get("/job")
def job() -> str:
    """A call that belongs to no request: the first span of its trace is no server's."""
    with tracer.start_as_current_span("nightly", context=Context()):
        requests.get(f"{CALLEE}/pay/200", timeout=10)
    return ""


if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]))
