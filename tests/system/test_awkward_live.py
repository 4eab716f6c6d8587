"""The whole system with a local AWS that is as awkward as an account: maps, spending and provisioning."""

import random
import secrets
from collections.abc import Iterator

import pytest

from tests.running import System
from tests.system.drawing import check
from tests.system.trees import Forest, batches, send

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    state = tmp_path_factory.mktemp("awkward") / "state"
    running = System.at(state, THREEMAPS_AWS_AWKWARD="pages,throttle,unprocessed,tenants").up()
    yield running
    running.ok("down")


def test_a_random_call_tree_is_drawn_as_it_is(awkward: System) -> None:
    chance, prefix = random.Random(1), f"{secrets.token_hex(4)}-"
    names = [f"{prefix}{number}" for number in range(chance.randint(2, 12))]
    forest = Forest(chance, names, messages=False, limit=60).grow(6)
    send(awkward.settings.url("otlp_http"), batches(chance, forest.spans, 50))
    check(awkward.settings, prefix, forest.truth.drawn_by)


def test_commands_that_list_what_is_there(awkward: System) -> None:
    awkward.ok("traffic", "--requests", "5")
    assert "USD a month" in awkward.ok("spend")
    assert "dashboard threemaps" in awkward.ok("provision")
    assert awkward.ok("provision").endswith("nothing to change in us-east-1\n")
