"""The stand-in as a process of its own: what it acknowledged outlives its being killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import requests

from tests.conftest import free_port
from tests.standins.aws_shapes import aws_client
from tests.standins.xray.documents import edges_of, new_trace, segment, window


@contextmanager
def running(state: Path) -> Iterator[tuple[Any, subprocess.Popen[bytes]]]:
    port = free_port()
    environment = os.environ | {"THREEMAPS_STATE": str(state), "THREEMAPS_PORT_AWS": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "threemaps.standins", "aws"], env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process)
        yield aws_client("xray", url, parse=orjson.loads), process
    finally:
        process.kill()
        process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(f"{url}/healthz", timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the stand-in did not come up")


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    with running(tmp_path) as (xray, process):
        xray.create_group(GroupName="all")
        for _ in range(20):
            texts = [orjson.dumps(segment(new_trace(), "front")).decode() for _ in range(50)]
            xray.put_trace_segments(TraceSegmentDocuments=texts)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with running(tmp_path) as (xray, _):
        assert edges_of(xray.get_service_graph(**window())["Services"]) == {
            ("front", "client", "front", ""): 1000
        }
        assert [group["GroupName"] for group in xray.get_groups()["Groups"]] == ["Default", "all"]
