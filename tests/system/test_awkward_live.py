"""The whole system with a local AWS that is as awkward as an account: maps, spending and provisioning."""

import json
import random
import secrets
from collections.abc import Callable

import pytest

from tests.running import System
from tests.system.drawing import check
from tests.system.trees import Forest, batches, send

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def awkward(new_system: Callable[..., System]) -> System:
    return new_system(THREEMAPS_AWS_AWKWARD="pages,throttle,lag:2,unprocessed,tenants").up()


def test_a_random_call_tree_is_drawn_as_it_is(awkward: System) -> None:
    chance, prefix = random.Random(1), f"{secrets.token_hex(4)}-"
    names = [f"{prefix}{number}" for number in range(chance.randint(2, 12))]
    forest = Forest(chance, names, messages=False, limit=60).grow(6)
    send(awkward.settings.url("otlp_http"), batches(chance, forest.spans, 50))
    check(awkward.settings, prefix, forest.truth.drawn_by)


def test_other_applications_of_the_account_are_told_from_ours(awkward: System) -> None:
    awkward.ok("traffic", "--requests", "5")
    told = awkward.compare("--since", "5m")
    assert told["agree"], json.dumps(told["differences"], indent=1)
    theirs = [one for one in told["differences"] if (one["source"] or "").startswith("tenant-")]
    assert theirs
    assert all("another application of the AWS account" in one["cause"] for one in theirs), theirs


def test_a_map_of_the_indexed_share_is_told_from_losses(new_system: Callable[..., System]) -> None:
    indexing = new_system(THREEMAPS_AWS_AWKWARD="index:10,tenants").up()
    chance, prefix = random.Random(2), f"{secrets.token_hex(4)}-"
    names = [f"{prefix}{number}" for number in range(6)]
    forest = Forest(chance, names, remotes=False, messages=False, limit=5_000).grow(300)
    send(indexing.settings.url("otlp_http"), batches(chance, forest.spans, 100))
    check(indexing.settings, prefix, forest.truth.drawn_by, ("honeycomb", "cloudwatch"))
    told = indexing.compare("--since", "5m")
    assert told["agree"], json.dumps([one for one in told["differences"] if not one["expected"]], indent=1)
    numbers = ("requests", "missing_edge")
    ours = [one for one in told["differences"] if one["diverging"] == ["xray"] and one["kind"] in numbers]
    causes = {one["cause"] for one in ours if one["source"].startswith(prefix)}
    assert causes == {"sampling: X-Ray's indexing rule keeps 10% of the calls"}
    assert any("X-Ray's indexing rule keeps 10%" in note for note in told["notes"])


def test_commands_that_list_what_is_there(awkward: System) -> None:
    awkward.ok("traffic", "--requests", "5")
    assert "USD a month" in awkward.ok("spend")
    assert "dashboard threemaps" in awkward.ok("provision")
    assert awkward.ok("provision").endswith("nothing to change in us-east-1\n")
