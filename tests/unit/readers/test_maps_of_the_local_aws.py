"""Random call trees in the local AWS: CloudWatch draws the true edges, calls and faults, as X-Ray does."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from tests.system.trees import REMOTES, Edge, Forest, attributes, batches, request_of
from tests.unit.readers.conftest import LocalAws
from tests.unit.standins.xray.test_otlp import post
from threemaps.demo.health import wait_until
from threemaps.errors import UserError
from threemaps.model.difference import Window
from threemaps.model.servicemap import Node, ServiceMap
from threemaps.readers.cloudwatch import CloudWatch
from threemaps.readers.xray import XRay


def window() -> Window:
    now = datetime.now(UTC)
    return Window(now - timedelta(minutes=5), now + timedelta(minutes=1))


def drawn(found: ServiceMap) -> dict[Edge, tuple[int, int | None]]:
    return {
        ((one.source.name, str(one.source.kind)), (one.target.name, str(one.target.kind))): (
            one.requests or 0,
            one.errors,
        )
        for one in found.edges
    }


def name_remotes(forest: Forest) -> None:
    """As the collector does it: X-Ray has no address of a callee without spans."""
    for _, span in forest.spans:
        for one in span.attributes:
            if one.value.string_value in REMOTES:
                span.attributes.extend(attributes({"peer.service": REMOTES[one.value.string_value]}))


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
    monkeypatch.setattr("threemaps.readers.batch.PAUSE", 0.0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("names", ["trace", "agent"])
def test_random_call_trees(local_aws: LocalAws, seed: int, names: str) -> None:
    chance = random.Random(seed)
    settings = local_aws(THREEMAPS_AWS_NAMES=names)
    services = [f"svc-{number}" for number in range(chance.randint(2, 12))]
    forest = Forest(chance, services, limit=300, messages=False).grow(25)
    name_remotes(forest)
    for body in batches(chance, forest.spans, 50):
        assert post(settings.url("aws"), body).ok
    cloudwatch = CloudWatch.of(settings)
    assert drawn(XRay.of(settings).read_map(window())) == forest.truth.drawn_by("xray")
    assert drawn(cloudwatch.read_map(window())) == forest.truth.drawn_by("cloudwatch")
    # The name of an RPC service does not tell which of those that serve it was called; spans do.
    assert cloudwatch.read_through == ("application-signals" if names == "trace" else "spans")


@pytest.mark.parametrize(
    "way", ["pages", "throttle", "unprocessed", "tenants", "pages,throttle,unprocessed,tenants"]
)
@pytest.mark.parametrize("names", ["trace", "agent"])
def test_an_awkward_account(local_aws: LocalAws, way: str, names: str) -> None:
    """With names as the caller gives them traces are looked at too, and where these are not enough, spans."""
    settings = local_aws(THREEMAPS_AWS_AWKWARD=way, THREEMAPS_AWS_NAMES=names)
    forest = Forest(
        random.Random(5), [f"svc-{number}" for number in range(6)], limit=150, messages=False
    ).grow(10)
    name_remotes(forest)
    assert post(settings.url("aws"), request_of(forest.spans)).ok
    for backend in (XRay.of(settings), CloudWatch.of(settings)):
        found = backend.read_map(window(), "svc-*")
        assert drawn(found) == forest.truth.drawn_by(backend.name)


def test_a_lag_is_waited_for(local_aws: LocalAws) -> None:
    settings = local_aws(THREEMAPS_AWS_AWKWARD="lag:2")
    forest = Forest(random.Random(6), ["svc-0", "svc-1"], limit=60, messages=False, remotes=False).grow(4)
    assert post(settings.url("aws"), request_of(forest.spans)).ok
    reader = XRay.of(settings)
    assert not reader.read_map(window()).edges
    assert wait_until(lambda: drawn(reader.read_map(window())) == forest.truth.drawn_by("xray"), 10)


def test_other_tenants_are_in_the_map_of_the_account(local_aws: LocalAws) -> None:
    settings = local_aws(THREEMAPS_AWS_AWKWARD="tenants")
    cloudwatch = CloudWatch.of(settings)
    for _ in range(2):  # the first question has them send a request
        found = cloudwatch.read_map(window())
    assert found.edge(Node("tenant-shop"), Node("tenant-stock"))


def test_a_way_that_is_none(local_aws: LocalAws) -> None:
    with pytest.raises(UserError, match="'slow' is no way to be awkward"):
        local_aws(THREEMAPS_AWS_AWKWARD="slow")
