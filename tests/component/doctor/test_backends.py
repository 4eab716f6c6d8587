"""Checks of the chain that look at a vendor alone: the clock, the log groups, a key's rights."""

import shutil
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from tests.conftest import Serve
from threemaps.doctor.running import check_collector_room
from threemaps.doctor.transaction_search import check_transaction_search
from threemaps.doctor.vendors import check_aws_keys, check_clock, check_log_groups, check_region
from threemaps.doctor.walk import Walk, complaint_in
from threemaps.doctor.wire import Answer, ask
from threemaps.readers.aws import aws_client
from threemaps.settings import SERVICE_LOG_GROUP, Settings
from threemaps.standins import aws
from threemaps.standins.store import Store


class Skewed(BaseHTTPRequestHandler):
    """A vendor that lives in another time than we do."""

    now: ClassVar[float] = 0

    def do_HEAD(self) -> None:
        self.send_response_only(200)
        self.send_header("Date", formatdate(self.now, usegmt=True))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def skewed() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Skewed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def walk(**environ: str) -> Walk:
    return Walk(Settings.load({"THREEMAPS_ENV_FILE": "/dev/null", **environ}))


def test_a_clock_that_is_off(skewed: str) -> None:
    found = check_clock(walk(THREEMAPS_URL_HONEYCOMB=skewed, THREEMAPS_URL_AWS=skewed))
    assert "s ahead of that of http://127.0.0.1" in found.detail
    assert found.next_step == "sudo timedatectl set-ntp true"


def test_a_clock_that_is_right(account: Settings) -> None:
    url = account.get("THREEMAPS_URL_AWS")
    assert check_clock(walk(THREEMAPS_URL_HONEYCOMB=url, THREEMAPS_URL_AWS=url)).ok


@pytest.fixture
def account(tmp_path: Path, serve: Serve) -> Iterator[Settings]:
    store = Store(tmp_path / "aws.duckdb", aws.SCHEMA)
    url = serve(aws.create_app(store))
    yield Settings.load({"THREEMAPS_URL_AWS": url, "THREEMAPS_ENV_FILE": "/dev/null"})
    store.close()


def test_a_missing_log_group(account: Settings) -> None:
    found = check_log_groups(Walk(account))
    assert found.detail == f"there is no log group {SERVICE_LOG_GROUP}"
    assert found.next_step == "threemaps provision"
    logs = aws_client(account, "logs")
    logs.create_log_group(logGroupName=SERVICE_LOG_GROUP)
    assert "has no stream collector" in check_log_groups(Walk(account)).detail
    logs.create_log_stream(logGroupName=SERVICE_LOG_GROUP, logStreamName="collector")
    assert check_log_groups(Walk(account)).ok


def test_aws_keys(account: Settings) -> None:
    assert "arn:aws:iam" in check_aws_keys(Walk(account)).detail
    real = {
        "THREEMAPS_BACKENDS": "aws",
        "AWS_ENDPOINT_URL": account.get("THREEMAPS_URL_AWS"),
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "wrong",
    }
    found = check_aws_keys(walk(**real))
    assert "refuses the signature" in found.detail
    assert found.next_step.startswith("export AWS_ACCESS_KEY_ID=")


def test_what_x_rays_otlp_endpoint_needs(account: Settings) -> None:
    """It is asked only where that endpoint is chosen."""
    xray = aws_client(account, "xray")
    assert check_transaction_search(Walk(account)).ok
    xray.update_indexing_rule(Name="Default", Rule={"Probabilistic": {"DesiredSamplingPercentage": 1}})
    found = check_transaction_search(Walk(account))
    assert found.detail == "X-Ray indexes 1 % of the traces: its map is drawn of these"
    assert found.next_step == "threemaps provision --index-all"
    xray.update_trace_segment_destination(Destination="XRay")
    found = check_transaction_search(Walk(account))
    assert "Transaction Search is off" in found.detail
    assert found.next_step.endswith("update-trace-segment-destination --destination CloudWatchLogs")
    by_segments = Settings.load({**account.environ, "THREEMAPS_XRAY_INGEST": "segments"})
    assert check_transaction_search(Walk(by_segments)).ok


def test_regions() -> None:
    for region in ("us-east-1", "eu-central-1", "cn-north-1"):
        assert check_region(walk(THREEMAPS_BACKENDS="aws", AWS_REGION=region)).ok
    assert not check_region(walk(THREEMAPS_BACKENDS="aws", AWS_REGION="us-east")).ok


def test_which_protocol_a_port_speaks(skewed: str) -> None:
    port = int(skewed.rpartition(":")[2])
    assert ask("127.0.0.1", port, secure=False, grpc=False) is Answer.HTTP1
    assert ask("127.0.0.1", port, secure=False, grpc=True) is Answer.HTTP1
    assert ask("127.0.0.1", port, secure=True, grpc=False) is Answer.SILENT
    assert ask("127.0.0.1", 9, secure=False, grpc=True) is Answer.SILENT


def test_a_disk_without_room_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = walk(THREEMAPS_STATE=str(tmp_path))
    assert check_collector_room(look).ok
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=4_000_000))
    found = check_collector_room(look)
    assert not found.ok
    assert f"the disk of {tmp_path} has 4 MB left" in found.detail
    assert found.next_step.startswith(f"df -h {tmp_path}")


def test_only_exporters_that_speak_of_errors_are_heard() -> None:
    line = (
        '{"level":"%s","ts":"2026-11-21T10:17:59.158Z","msg":"Exporting failed.",'
        '"otelcol.component.id":"awsxray","otelcol.component.kind":"%s"%s}'
    )
    heard = complaint_in(line % ("info", "exporter", ',"error":"403"'))
    assert heard is not None
    assert (heard.exporter, heard.text) == ("awsxray", "403")
    assert complaint_in(line % ("error", "exporter", "")) is not None
    assert complaint_in(line % ("info", "exporter", "")) is None
    assert complaint_in(line % ("error", "receiver", ',"error":"403"')) is None
    assert complaint_in("panic: no JSON") is None


def test_a_warning_is_heard_only_where_a_vendor_took_some() -> None:
    """CloudWatch's exporter warns of a future default at every start, while its queue may hold something."""
    line = (
        '{"level":"warn","ts":"2026-11-21T10:17:59.158Z","msg":"%s",'
        '"otelcol.component.id":"awsemf","otelcol.component.kind":"exporter"}'
    )
    assert complaint_in(line % "the default value for DimensionRollupOption will be changing") is None
    assert complaint_in(line % "3 log events for log group name are too old") is not None
