"""Random call trees in the local AWS: CloudWatch draws the true edges, calls and faults, as X-Ray does."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.system.trees import REMOTES, Edge, Forest, attributes, batches
from tests.unit.readers.conftest import settings_at
from tests.unit.standins.xray.test_otlp import post
from threemaps.model.difference import Window
from threemaps.model.servicemap import ServiceMap
from threemaps.readers.cloudwatch import CloudWatch
from threemaps.readers.xray import XRay
from threemaps.settings import Settings
from threemaps.standins import aws
from threemaps.standins.store import Store

LocalAws = Callable[..., Settings]


@pytest.fixture
def local_aws(tmp_path: Path, serve: Serve) -> Iterator[LocalAws]:
    stores = []

    def start(**environ: str) -> Settings:
        store = Store(tmp_path / "aws.duckdb", aws.SCHEMA)
        stores.append(store)
        return settings_at(serve(aws.Aws(store, environ)))

    yield start
    for store in stores:
        store.close()


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


def without_rpc(forest: Forest) -> None:
    """By the name of an RPC service nobody can tell which of those that serve it was called."""
    for _, span in forest.spans:
        rest = [one for one in span.attributes if not one.key.startswith("rpc.")]
        if len(rest) < len(span.attributes):
            del span.attributes[:]
            span.attributes.extend([*rest, *attributes({"server.port": 8000})])


def name_remotes(forest: Forest) -> None:
    """As the collector does it: X-Ray has no address of a callee without spans."""
    for _, span in forest.spans:
        for one in span.attributes:
            if one.value.string_value in REMOTES:
                span.attributes.extend(attributes({"peer.service": REMOTES[one.value.string_value]}))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("names", ["trace", "agent"])
def test_random_call_trees(local_aws: LocalAws, seed: int, names: str) -> None:
    chance = random.Random(seed)
    settings = local_aws(THREEMAPS_AWS_NAMES=names)
    services = [f"svc-{number}" for number in range(chance.randint(2, 12))]
    forest = Forest(chance, services, limit=300, messages=False).grow(25)
    name_remotes(forest)
    if names == "agent":
        without_rpc(forest)
    for body in batches(chance, forest.spans, 50):
        assert post(settings.url("aws"), body).ok
    cloudwatch = CloudWatch.of(settings)
    assert drawn(XRay.of(settings).read_map(window())) == forest.truth.drawn_by("xray")
    assert drawn(cloudwatch.read_map(window())) == forest.truth.drawn_by("cloudwatch")
    assert cloudwatch.read_through == "application-signals"
