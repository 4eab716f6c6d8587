"""What nobody should send, write or type: at the collector's doors, in files, variables and options."""

import contextlib
import json
import os
import random
import re
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import requests
from click.testing import CliRunner
from google.protobuf.json_format import ParseDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.collector import sending
from tests.collector.conftest import Chain, chain_in
from tests.collector_process import wait_for
from threemaps.backends.snapshot import Snapshot, snapshot_text
from threemaps.cli import COMMANDS, cli
from threemaps.compare import Window
from threemaps.contract import Contract
from threemaps.errors import UserError
from threemaps.launch.resolved import resolved
from threemaps.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.settings import PORTS, Settings
from threemaps.tracing.environment import MODES, service_environment

WINDOW = Window(datetime(2026, 3, 4, 5, tzinfo=UTC), datetime(2026, 3, 4, 6, tzinfo=UTC))
EXAMPLE = ServiceMap.of((), [Edge(Node("a", Kind.SERVICE), Node("b", Kind.SERVICE), 7, 1, 3.5, None)])

# How many inputs each test tried, for whoever runs this with -rP.
TRIED: Counter[str] = Counter()
# See the last test of the doors.
LONG_ID = re.compile(rb'"(trace_id|id|parent_id)": *"[^"]{36,}')
LOG = {"scope": {"name": "fuzz"}, "logRecords": [{"timeUnixNano": "1", "body": {"stringValue": "hello"}}]}
# FUZZ=20 tries twenty times what the suite has time for.
TIMES = float(os.environ.get("FUZZ", "1"))
DOOR_INPUTS = round(150 * TIMES)


def examples(count: int) -> settings:
    most = round(count * TIMES)
    return settings(max_examples=most, deadline=None, suppress_health_check=list(HealthCheck))


QUICK = examples(150)
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)


@pytest.fixture(scope="module", autouse=True)
def tell() -> Iterator[None]:
    yield
    sys.stdout.write(f"\ninputs tried: {dict(TRIED)}")


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
    wait_for(lambda: {one["spanId"] for one in spans} <= {one["id"] for one in list(chain.vendors.spans)}, 40)
    wait_for(lambda: {one["spanId"] for one in spans} <= chain.segment_ids(), 40)
    assert chain.collector.running
    log = chain.collector.log.read_text(errors="replace")
    assert "panic" not in log
    assert "goroutine " not in log


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
@pytest.mark.parametrize("content", ["application/json", "application/x-protobuf"])
def test_the_otlp_door_refuses_and_goes_on(doors: Chain, path: str, content: str) -> None:
    request = ExportTraceServiceRequest() if path == "/v1/traces" else ExportLogsServiceRequest()
    good = {**sending.payload(sending.call("fuzz-a", "fuzz-b")), "resourceLogs": [{"scopeLogs": [LOG]}]}
    ParseDict(good, request, ignore_unknown_fields=True)
    is_json = content == "application/json"
    text = json.dumps(good).encode() if is_json else request.SerializeToString()
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
    sending.send_segment(door[1], late)
    doors.segment(late["id"])


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
        wait_for(lambda: ids <= {one["id"] for one in list(chain.vendors.spans)} & chain.segment_ids(), 40)


KEYS = ("nodes", "edges", "name", "kind", "source", "target", "requests", "window", "start", "end", "version")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)
GOOD_SNAPSHOT = snapshot_text("xray", WINDOW, EXAMPLE)


def refused_or_done(act: Callable[[], object]) -> None:
    """Any other exception than a refusal would be a traceback for the user."""
    with contextlib.suppress(UserError):
        act()


@QUICK
@given(
    content=st.binary(max_size=200)
    | JSON_VALUES.map(lambda value: json.dumps(value).encode())
    | st.integers(0, len(GOOD_SNAPSHOT)).map(lambda end: GOOD_SNAPSHOT[:end].encode())
    | st.tuples(st.sampled_from(sorted(json.loads(GOOD_SNAPSHOT))), JSON_VALUES).map(
        lambda change: json.dumps(json.loads(GOOD_SNAPSHOT) | dict([change])).encode()
    )
)
def test_a_snapshot_or_a_contract_of_anything(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    refused_or_done(lambda: Snapshot.of(str(path)).read_map(WINDOW))
    refused_or_done(lambda: Contract.read(str(path)))
    TRIED["snapshot and contract files"] += 2


VARIABLES = (
    *(f"THREEMAPS_PORT_{name.upper()}" for name in PORTS),
    *(
        f"THREEMAPS_{name}"
        for name in ("BACKENDS", "STATE", "BIND", "SAMPLING", "CONSOLE", "INSTRUMENTATION")
    ),
    *(
        "THREEMAPS_REDACT_KEYS",
        "THREEMAPS_REDACT_VALUES",
        "THREEMAPS_TRUST_INCOMING_TRACE",
        "CLOUDWATCH_LOGS",
    ),
    *(
        "THREEMAPS_URL_HONEYCOMB",
        "THREEMAPS_URL_AWS",
        "HONEYCOMB_API_KEY",
        "AWS_REGION",
        "ROLLBAR_ACCESS_TOKEN",
    ),
)
LIKELY = st.sampled_from(
    ("local", "cloud", "aws", "0", "65536", "-1", "1e3", "(", "a" * 5000, "é", "x,y", " ")
)


@QUICK
@given(given_=st.dictionaries(st.sampled_from(VARIABLES), TEXT | LIKELY, min_size=1, max_size=3))
def test_variables_of_anything(given_: dict[str, str]) -> None:
    def use() -> None:
        loaded = Settings.load({"THREEMAPS_ENV_FILE": os.devnull, **given_})
        resolved(loaded)
        for mode in MODES:
            service_environment(loaded, "users", mode)

    refused_or_done(use)
    TRIED["variables"] += len(given_)


@QUICK
@given(content=st.binary(max_size=200))
def test_a_dotenv_of_anything(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.env"
    path.write_bytes(content)
    refused_or_done(lambda: Settings.load({"THREEMAPS_ENV_FILE": str(path)}))
    TRIED["variables"] += 1


# These run whole, with nobody to talk to; the others, which would start or stop things, are only parsed.
HARMLESS = ("compare", "fault")


@st.composite
def typed(draw: st.DrawFn) -> list[str]:
    name = draw(st.sampled_from(tuple(COMMANDS)))
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    options = [option for one in command.params for option in one.opts if option.startswith("-")]
    words = draw(st.lists(st.sampled_from(options or ["--help"]) | TEXT | LIKELY, max_size=5))
    return [name, *words]


@QUICK
@given(words=typed())
def test_a_command_line_of_anything(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    TRIED["command lines"] += 1
    if words[0] not in HARMLESS:
        command = cli.get_command(click.Context(cli), words[0])
        assert command is not None
        with contextlib.suppress(click.ClickException, click.exceptions.Exit, UserError):
            command.make_context(words[0], words[1:])
        return
    folder = tmp_path_factory.getbasetemp()
    nobody = {f"THREEMAPS_PORT_{name.upper()}": "1" for name in PORTS}
    nobody |= {"THREEMAPS_STATE": str(folder), "THREEMAPS_ENV_FILE": os.devnull, "AWS_MAX_ATTEMPTS": "1"}
    with contextlib.chdir(folder):
        done = CliRunner(env=nobody).invoke(cli, words)
    assert done.exception is None or isinstance(done.exception, SystemExit | UserError), (
        words,
        done.exception,
    )
    assert done.exit_code in {0, 1, 2}, (words, done.output)
