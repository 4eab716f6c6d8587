"""What nobody should send to the collector's doors."""

import contextlib
import json
import os
import random
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.collector_process import wait_for
from tests.component.collector import sending
from tests.component.collector.conftest import Chain, chain_in
from tests.component.security.inputs import PATIENT, TIMES, TRIED

pytestmark = PATIENT

# See the last test of the doors.
LONG_ID = re.compile(rb'"(trace_id|id|parent_id)": *"[^"]{36,}')
LOG = {"scope": {"name": "fuzz"}, "logRecords": [{"timeUnixNano": "1", "body": {"stringValue": "hello"}}]}
DOOR_INPUTS = round(150 * TIMES)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with chain_in(tmp_path_factory.mktemp("doors") / "state") as chain:
        yield chain


def mutations(good: bytes, count: int) -> Iterator[bytes]:
    """Random bytes, and good ones cut, flipped, doubled and shuffled; always the same."""
    dice = random.Random(7)
    for number in range(count):
        kind = number % 5
        changed = bytearray(good)
        if kind == 0:
            changed = bytearray(dice.randbytes(dice.randrange(0, 400)))
        elif kind == 1:
            changed = changed[: dice.randrange(len(good))]
        elif kind == 2:
            for _ in range(dice.randrange(1, 9)):
                changed[dice.randrange(len(changed))] = dice.randrange(256)
        elif kind == 3:
            at = dice.randrange(len(good))
            changed[at:at] = good[at : at + dice.randrange(1, 60)] * dice.randrange(1, 20)
        else:
            at = dice.randrange(len(good))
            changed = changed[at:] + changed[:at]
        yield bytes(changed)


def assert_still_takes(chain: Chain) -> None:
    """What is sent afterwards arrives, and the collector is the same one."""
    spans = sending.call("after-a", "after-b")
    chain.send(spans)
    wait_for(lambda: {one["spanId"] for one in spans} <= {one["id"] for one in list(chain.vendors.spans)})
    wait_for(lambda: {one["spanId"] for one in spans} <= chain.xray_ids())
    assert chain.collector.running
    log = chain.collector.log.read_text(errors="replace")
    assert "panic" not in log
    assert "goroutine " not in log


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
@pytest.mark.parametrize("content", ["application/json", "application/x-protobuf"])
def test_the_otlp_door_refuses_and_goes_on(doors: Chain, path: str, content: str) -> None:
    request = ExportTraceServiceRequest() if path == "/v1/traces" else ExportLogsServiceRequest()
    good = {**sending.payload(sending.call("fuzz-a", "fuzz-b")), "resourceLogs": [{"scopeLogs": [LOG]}]}
    is_json = content == "application/json"
    text = json.dumps(good).encode()
    if not is_json:
        text = ParseDict(sending.in_base64(good), request, ignore_unknown_fields=True).SerializeToString()
    session = requests.Session()
    for body in mutations(text, DOOR_INPUTS):
        for headers in ({}, {"Content-Encoding": "gzip"}):
            url = doors.collector.otlp_http + path
            answer = session.post(url, data=body, headers={"Content-Type": content, **headers}, timeout=20)
            # The official receiver fails to quote what is not UTF-8 in its refusal.
            refused = answer.status_code == 400 or b"failed to marshal error message" in answer.content
            assert refused or answer.status_code == 200, (answer.status_code, answer.text, body)
            TRIED["OTLP door"] += 1
    assert_still_takes(doors)


def test_what_is_huge_is_refused(doors: Chain) -> None:
    url = f"{doors.collector.otlp_http}/v1/traces"
    answer = requests.post(url, data=bytes(30_000_000), headers={"Content-Type": "application/x-protobuf"})
    assert answer.status_code in {400, 413}
    grpc = ("127.0.0.1", doors.collector.settings.ports["otlp_grpc"])
    with socket.create_connection(grpc) as door, contextlib.suppress(OSError):
        door.sendall(os.urandom(100_000))
    TRIED["OTLP door"] += 2
    assert_still_takes(doors)


def test_the_xray_door_drops_and_goes_on(doors: Chain) -> None:
    trace = sending.trace_id()
    segment = sending.segment(
        "fuzz-sdk", trace, http={"request": {"url": "http://h/x"}}, annotations={"a": 1}
    )
    head = b'{"format": "json", "version": 1}\n'
    values: tuple[Any, ...] = (None, -1, 1e308, "", [], {}, [[]], "x" * 20, True)
    wrong = [head + json.dumps(segment | {key: value}).encode() for key in segment for value in values]
    door = ("127.0.0.1", doors.collector.settings.ports["xray"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in [*mutations(head + json.dumps(segment).encode(), DOOR_INPUTS), *wrong, bytes(65_000)]:
            if not LONG_ID.search(datagram):
                sender.sendto(datagram, door)
                TRIED["X-Ray door"] += 1
    assert_still_takes(doors)
    late = sending.segment("fuzz-late", sending.trace_id())

    def arrives() -> bool:
        """Sent again until then: a system with a full buffer drops datagrams."""
        sending.send_segment(door[1], late)
        return late["id"] in doors.xray_ids()

    wait_for(arrives)


def test_an_id_too_long_ends_the_official_receiver_and_what_was_acknowledged_stays(tmp_path: Path) -> None:
    """A fault of release 0.152.0: should this fail, the limit named in docs/collector.md is gone.

    `threemaps up` starts it again by itself: tests/system/test_lifecycle.py.
    """
    with chain_in(tmp_path / "state") as chain:
        chain.vendors.fail(503)
        spans = sending.call("kept-a", "kept-b")
        chain.send(spans)
        long = sending.segment("long", sending.trace_id()) | {"trace_id": f"1-{'a' * 8}-{'b' * 60}"}
        sending.send_segment(chain.collector.settings.ports["xray"], long)
        wait_for(lambda: not chain.collector.running)
        chain.vendors.heal()
        chain.collector.start()
        ids = {one["spanId"] for one in spans}
        wait_for(lambda: ids <= {one["id"] for one in list(chain.vendors.spans)} & chain.xray_ids())
