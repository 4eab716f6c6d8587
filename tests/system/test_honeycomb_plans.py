"""On Honeycomb's free plan the three maps agree too, read through MCP: home requests, trees of any shape."""

import json
import random
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.running import System
from tests.system.drawing import check
from tests.system.trees import Forest, batches, send

pytestmark = [pytest.mark.system, pytest.mark.long]


@pytest.fixture(scope="module")
def free_system(new_system: Callable[..., System]) -> System:
    return new_system(THREEMAPS_HONEYCOMB_PLAN="free").up()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_trees_of_any_shape_with_their_errors(free_system: System, seed: int) -> None:
    chance, prefix = random.Random(seed), f"{secrets.token_hex(4)}-"
    names = [f"{prefix}{number}" for number in range(chance.choice((3, 8, 30)))]
    forest = Forest(chance, names, remotes=False, error_rate=0.3, depth=5, fan_out=3, limit=600).grow(8)
    send(free_system.settings.url("otlp_http"), batches(chance, forest.spans, 50))
    check(free_system.settings, prefix, forest.truth.drawn_by, ("xray", "cloudwatch"))
    mapped = {
        (edge["source"], edge["target"]): (edge["requests"], edge["errors"])
        for edge in compared(free_system, "--service", f"{prefix}*")["maps"]["honeycomb"]["edges"]
    }
    true = {
        (source[0], target[0]): figures
        for (source, target), figures in forest.truth.drawn_by("xray").items()
        if source[1] == target[1] == "service" and source != target  # a query draws no call of one's own
    }
    assert mapped == true


def test_home_requests(free_system: System) -> None:
    free_system.ok("traffic", "--requests", "20")
    told = compared(free_system)
    assert told["agree"], json.dumps(told["differences"], indent=1)
    assert told["sources"]["honeycomb"]["read_through"] == "mcp"
    assert "plan" in told["sources"]["honeycomb"]["remarks"][0]
    edges = {(one["source"], one["target"]): one for one in told["maps"]["honeycomb"]["edges"]}
    assert edges["activities", "users"]["requests"] == 20
    assert edges["activities", "users"]["errors"] == 0
    assert edges["activities", "users"]["p95_ms"] > 0


def compared(system: System, *arguments: str) -> Any:
    done = system.run("compare", "--since", "10m", "--format", "json", *arguments, timeout=180)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)
