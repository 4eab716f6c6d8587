"""Before, halfway and after a migration: the same map in every backend, and every trace in one piece."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.running import System
from threemaps.demo.health import wait_until
from threemaps.readers.aws import aws_client

pytestmark = [pytest.mark.system, pytest.mark.long]

REQUESTS = 10
ARRIVES_WITHIN = 20
# Every way of tracing adds as many calls to the same edges, and nothing else.
MODES = ("xray-sdk", "otel,activities=xray-sdk", "xray-sdk,activities=otel", "otel")
TRIANGLE = {("frontend_api", "activities"), ("frontend_api", "users"), ("activities", "users")}
FROM_OUTSIDE = {("outside", "frontend_api")}
EDGES = {"honeycomb": TRIANGLE, "xray": TRIANGLE | FROM_OUTSIDE, "cloudwatch": TRIANGLE | FROM_OUTSIDE}


@pytest.fixture(scope="module")
def running(new_system: Callable[..., System]) -> System:
    return new_system()


@pytest.mark.parametrize(("number", "mode"), list(enumerate(MODES, 1)))
def test_every_way_of_tracing_draws_the_same_map(running: System, number: int, mode: str) -> None:
    running.up("--tracing", mode)
    running.ok("traffic", "--requests", str(REQUESTS - 1), "--path", "/api/activities/home")
    answer = requests.get(f"{running.settings.url('frontend_api')}/api/activities/home", timeout=10)
    wait_for_segments(running, answer.headers["X-Trace-Id"], 4)
    told = running.compare("--since", "10m")
    assert told["agree"] is True, json.dumps(told["differences"], indent=1)
    for backend, edges in EDGES.items():
        found = {(e["source"], e["target"]): e["requests"] for e in told["maps"][backend]["edges"]}
        assert found == dict.fromkeys(edges, number * REQUESTS), backend


def wait_for_segments(system: System, trace_id: str, count: int) -> None:
    """The whole trace: the edge, activities, and users twice, all under one id."""
    client = aws_client(system.settings, "xray")

    def segments() -> list[dict[str, Any]]:
        traces = client.batch_get_traces(TraceIds=[f"1-{trace_id[:8]}-{trace_id[8:]}"])["Traces"]
        documents = [json.loads(s["Document"]) for trace in traces for s in trace["Segments"]]
        return [document for document in documents if not document.get("inferred")]

    assert wait_until(lambda: len(segments()) == count, ARRIVES_WITHIN), segments()


def test_a_service_that_is_down_is_drawn_by_two_maps(running: System) -> None:
    url = f"{running.settings.url('frontend_api')}/api/users/andrew"
    refused = 0
    for mode in ("otel", "xray-sdk"):
        running.up("--tracing", mode)
        running.ok("fault", "users", "--down")
        assert wait_until(lambda: requests.get(url, timeout=10).status_code == 503, ARRIVES_WITHIN)
        answers = [requests.get(url, timeout=10).status_code for _ in range(REQUESTS)]
        assert set(answers) == {503}
        refused += 1 + REQUESTS
        running.ok("fault", "users", "--clear")
    maps = running.compare("--since", "10m")["maps"]
    (down,) = [edge for edge in maps["xray"]["edges"] if edge["target_kind"] == "remote"]
    assert (down["source"], down["target"]) == ("frontend_api", "users")
    assert down["errors"] == down["requests"] == refused
    called = ("frontend_api", "users")
    # One edge with all calls, whoever answered them.
    (edge,) = [e for e in maps["cloudwatch"]["edges"] if (e["source"], e["target"]) == called]
    answered = [e for e in maps["xray"]["edges"] if (e["source"], e["target"]) == called and e != down]
    assert edge["errors"] == refused
    assert edge["requests"] == refused + sum(e["requests"] for e in answered)
