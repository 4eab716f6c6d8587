"""X-Ray's leg that ends in its OTLP door keeps what the other one keeps."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from flask import Response

from tests.collector_process import CollectorProcess, settings_at, wait_for
from tests.component.collector.conftest import Chain, chain_in
from tests.component.collector.sending import call
from tests.component.collector.test_faults import ERRORS, send_calls, wait_for_all
from threemaps.demo.resolved import CONFIG, resolved
from threemaps.errors import UserError
from threemaps.settings import Settings


@pytest.fixture
def by_otlp(tmp_path: Path) -> Iterator[Chain]:
    with chain_in(tmp_path / "state", THREEMAPS_XRAY_DOOR="otlp") as chain:
        yield chain


@pytest.mark.parametrize("status", ERRORS)
def test_an_answer_of_failure_loses_nothing(by_otlp: Chain, status: int) -> None:
    by_otlp.vendors.fail(status, "xray", error=ERRORS[status])
    sent = send_calls(by_otlp)
    wait_for(lambda: by_otlp.vendors.refused["xray"])
    by_otlp.vendors.heal()
    wait_for_all(by_otlp, sent)
    given_up = by_otlp.collector.metric("otelcol_exporter_send_failed_spans", exporter="otlp_grpc/xray")
    assert given_up == 0


def test_killed_while_it_is_refused_loses_nothing(by_otlp: Chain) -> None:
    by_otlp.vendors.fail(403, "xray")
    sent = send_calls(by_otlp)
    wait_for(lambda: by_otlp.vendors.refused["xray"])
    by_otlp.collector.kill()
    by_otlp.vendors.heal()
    by_otlp.collector.start()
    wait_for(lambda: {one["spanId"] for one in sent} <= by_otlp.segment_ids())


def test_a_door_that_hangs_holds_up_no_other_leg(by_otlp: Chain) -> None:
    released = threading.Event()

    def hang() -> Response:
        released.wait(150)
        return Response("{}", 503, mimetype="application/json")

    by_otlp.vendors.faults["xray"] = hang
    try:
        sent = send_calls(by_otlp)
        ids = {one["spanId"] for one in sent}
        wait_for(lambda: ids <= {span["id"] for span in list(by_otlp.vendors.spans)})
    finally:
        by_otlp.vendors.heal()
        released.set()
    wait_for_all(by_otlp, sent)


def test_the_door_can_be_changed_while_something_waits(tmp_path: Path) -> None:
    """What is in the queue goes out by whichever door there is at the next start."""
    with chain_in(tmp_path / "state") as chain:
        chain.vendors.fail(403, "xray")
        spans = call("a", "b")
        chain.send(spans)
        wait_for(lambda: chain.vendors.refused["xray"])
        chain.collector.stop()
        environ = {**chain.collector.settings.environ, "THREEMAPS_XRAY_DOOR": "otlp"}
        chain.vendors.heal()
        other = CollectorProcess(Settings.load(environ)).start()
        try:
            wait_for(lambda: {one["spanId"] for one in spans} <= chain.segment_ids())
        finally:
            other.stop()


# AWS itself, without any key; 127.0.0.1:9 is nobody.
REAL = {
    "THREEMAPS_BACKENDS": "aws",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9/",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
}


def test_without_credentials_only_what_signs_by_them_does_not_start(tmp_path: Path) -> None:
    def collector(door: str) -> CollectorProcess:
        nobody = "http://127.0.0.1:9"
        state = tmp_path / door
        settings = settings_at(state, honeycomb=nobody, aws=nobody, THREEMAPS_XRAY_DOOR=door, **REAL)
        return CollectorProcess(settings)

    started = collector("segments").start()
    started.stop()
    with pytest.raises(AssertionError, match="could not retrieve credential provider"):
        collector("otlp").start()


def test_a_door_that_is_none_is_named() -> None:
    with pytest.raises(UserError, match="THREEMAPS_XRAY_DOOR='front'"):
        Settings.load({"THREEMAPS_XRAY_DOOR": "front", "THREEMAPS_ENV_FILE": os.devnull})


@pytest.mark.parametrize("door", ["segments", "otlp"])
def test_the_configuration_has_what_the_values_name(door: str) -> None:
    environ = {"THREEMAPS_XRAY_DOOR": door, "THREEMAPS_ENV_FILE": os.devnull}
    told = resolved(Settings.load({**REAL, **environ}))
    assert told["xray_endpoint"] == "http://127.0.0.1:9"
    pipelines = yaml.safe_load(CONFIG.read_text())["service"]["pipelines"]
    for name in yaml.safe_load(told["xray_doors"]):
        assert pipelines[name]["receivers"] == ["failover/xray"]
