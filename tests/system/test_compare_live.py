"""The comparison on the running demo: exact numbers, and what the backends tell differently."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.running import System
from threemaps.demo.health import wait_until
from threemaps.readers.aws import aws_client
from threemaps.settings import LOCAL_INGEST_KEY

pytestmark = pytest.mark.system

HOME = "/api/activities/home"
REQUESTS = 20
TRIANGLE = {("frontend_api", "activities"), ("frontend_api", "users"), ("activities", "users")}


@pytest.fixture(scope="module")
def demo(new_system: Callable[..., System]) -> System:
    """Of its own: its maps hold what is sent here, and nothing else."""
    running = new_system().up()
    running.ok("traffic", "--requests", str(REQUESTS), "--path", HOME)
    return running


def edges(told: dict[str, Any], backend: str, what: str = "requests") -> dict[tuple[str, str], Any]:
    return {(one["source"], one["target"]): one[what] for one in told["maps"][backend]["edges"]}


def keep(system: System, rate: float) -> None:
    """A rule for all services, and every service obeying it."""
    rule = {
        "RuleName": "share",
        "Priority": 1,
        "FixedRate": rate,
        "ReservoirSize": 0,
        "Version": 1,
        **dict.fromkeys(("ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath", "ResourceARN"), "*"),
    }
    aws_client(system.settings, "xray").create_sampling_rule(SamplingRule=rule)


def test_the_demo_agrees_to_the_call(demo: System) -> None:
    told = demo.compare("--since", "5m")
    assert told["agree"] is True, json.dumps(told["differences"], indent=1)
    entry = ("outside", "frontend_api")
    # A home request calls users twice: itself, and through activities.
    assert edges(told, "honeycomb") == dict.fromkeys(TRIANGLE, REQUESTS)
    assert edges(told, "xray") == edges(told, "cloudwatch") == dict.fromkeys({*TRIANGLE, entry}, REQUESTS)
    assert set(edges(told, "honeycomb", "errors").values()) == {None}
    assert set(edges(told, "honeycomb", "mean_ms").values()) == {None}
    for backend in ("xray", "cloudwatch"):
        assert set(edges(told, backend, "errors").values()) == {0}
        assert all(mean > 0 for mean in edges(told, backend, "mean_ms").values())
        assert all(p95 > 0 for p95 in edges(told, backend, "p95_ms").values())
    reasons = {one["cause"] for one in told["differences"] if one["kind"].startswith("missing")}
    assert reasons == {"Honeycomb draws no node for callers from outside"}


def test_faults_and_refusals_are_told_apart(demo: System) -> None:
    """A 404 is no fault of the callee, a 500 is, in X-Ray and CloudWatch alike."""
    demo.ok("fault", "users", "--errors", "1.0")
    demo.run("traffic", "--requests", "5", "--path", "/api/users/andrew")
    demo.ok("fault", "users", "--clear")
    demo.run("traffic", "--requests", "7", "--path", "/api/users/nobody")
    told = demo.compare("--since", "10m")
    assert told["agree"] is True, json.dumps(told["differences"], indent=1)
    edge = ("frontend_api", "users")
    for backend in ("xray", "cloudwatch"):
        assert edges(told, backend)[edge] == REQUESTS + 12
        assert edges(told, backend, "errors")[edge] == 5
        assert edges(told, backend, "errors")["activities", "users"] == 0
    assert edges(told, "honeycomb")[edge] == REQUESTS + 12


def test_an_unreadable_backend_leaves_the_others_compared(demo: System) -> None:
    """An ingest key reads no maps."""
    keys = {
        "THREEMAPS_BACKENDS": "honeycomb",
        "HONEYCOMB_API_ENDPOINT": demo.settings.url("honeycomb"),
        "HONEYCOMB_CONFIGURATION_KEY": LOCAL_INGEST_KEY,
    }
    done = demo.run("compare", "--format", "json", "--since", "10m", **keys)
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert told["maps"]["honeycomb"] is None
    assert edges(told, "xray") == edges(told, "cloudwatch")
    (unreadable,) = [one for one in told["differences"] if not one["expected"]]
    assert unreadable["kind"] == "unreadable"
    assert "configuration key" in unreadable["advice"] or "Read Service Maps" in unreadable["advice"]


@pytest.mark.long
def test_a_rule_that_keeps_a_share_is_named(demo: System) -> None:
    """All maps hold the same share: they agree, and the report says that it is one."""
    keep(demo, 0.1)
    demo.ok("up", THREEMAPS_SAMPLING="xray")
    demo.ok("traffic", "--requests", "150", "--path", HOME)
    client = aws_client(demo.settings, "xray")

    def asked() -> int:
        found = client.get_sampling_statistic_summaries()["SamplingStatisticSummaries"]
        return sum(one["RequestCount"] for one in found if one["RuleName"] == "share")

    assert wait_until(lambda: asked() >= 150, 60)
    told = demo.compare("--since", "15m")
    assert told["agree"] is True, json.dumps(told["differences"], indent=1)
    assert any("the X-Ray sampling rule share keeps" in note for note in told["notes"]), told["notes"]
