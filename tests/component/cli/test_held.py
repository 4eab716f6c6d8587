"""trace and logs against the stand-ins' own apps, and against vendors that answer badly."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from rich.cells import cell_len

from tests.conftest import Serve, free_port
from tests.unit.readers.conftest import Vendor, settings_at, text
from tests.unit.readers.conftest import json as answers
from tests.unit.standins.honeycomb.spans import Call, request_of
from threemaps.readers import UnreadableError
from threemaps.readers.aws import aws_client
from threemaps.readers.logs import log_lines
from threemaps.readers.traces import Span, differences, in_order, read_trace, xray_spans
from threemaps.settings import LOCAL_INGEST_KEY, SERVICE_LOG_GROUP, Settings
from threemaps.standins import aws
from threemaps.standins.honeycomb import urls as honeycomb
from threemaps.standins.store import Store

THREEMAPS = Path(sys.executable).with_name("threemaps")
HOSTILE = "\x1b[2J<script>\N{RIGHT-TO-LEFT OVERRIDE}\n" + "x" * 500


@dataclass
class World:
    """Where the vendors are, and the command line that reads them."""

    honeycomb: str
    aws: str

    @property
    def settings(self) -> Settings:
        return Settings.load(self.environment)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "THREEMAPS_ENV_FILE": os.devnull,
            "THREEMAPS_BACKENDS": "local",
            "THREEMAPS_URL_HONEYCOMB": self.honeycomb,
            "THREEMAPS_URL_AWS": self.aws,
        }

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [THREEMAPS, *arguments], env=self.environment, capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def world(serve: Serve) -> Iterator[World]:
    spans, segments = Store(":memory:", honeycomb.SCHEMA), Store(":memory:", aws.SCHEMA)
    yield World(serve(honeycomb.create_app(spans)), serve(aws.create_app(segments)))
    spans.close()
    segments.close()


def trace_of(number: int) -> str:
    """The id that `Call` gives this trace, begun now as X-Ray wants it."""
    return (number.to_bytes(8) * 2).hex()


NOW = int(time.time())
# X-Ray takes the first eight digits for the trace's second.
NUMBER = (NOW << 32) + 7
TRACE = trace_of(NUMBER)
XRAY = f"1-{TRACE[:8]}-{TRACE[8:]}"


def send_spans(world: World, *calls: Call) -> None:
    answer = requests.post(
        f"{world.honeycomb}/v1/traces",
        data=request_of(calls).SerializeToString(),
        headers={"X-Honeycomb-Team": LOCAL_INGEST_KEY, "Content-Type": "application/x-protobuf"},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text


def send_segments(world: World, *documents: dict[str, Any]) -> None:
    texts = [json.dumps({"trace_id": XRAY, "start_time": NOW, **document}) for document in documents]
    answer = aws_client(world.settings, "xray").put_trace_segments(TraceSegmentDocuments=texts)
    assert answer["UnprocessedTraceSegments"] == []


def test_a_span_that_one_backend_lacks_is_named(world: World) -> None:
    send_spans(world, Call("web", 1, trace=NUMBER), Call("db", 2, 1, trace=NUMBER, name=HOSTILE))
    send_segments(world, {"id": f"{1:016x}", "name": "web", "end_time": NOW + 0.2, "fault": True})
    done = world.run("trace", XRAY)
    assert done.returncode == 0, done.stderr
    assert "Honeycomb: 2 spans" in done.stdout
    assert "AWS X-Ray: 1 span\n" in done.stdout
    [line] = [line for line in done.stdout.splitlines() if line.endswith("is not in AWS X-Ray")]
    assert line.startswith(f"  {2:016x} db: ␛[2J<script>")
    assert "\x1b" not in done.stdout
    assert max(cell_len(line) for line in done.stdout.splitlines()) <= 80
    assert any(line.startswith("✗ web") and "200 ms" in line for line in done.stdout.splitlines())


def test_a_trace_as_json(world: World) -> None:
    send_spans(world, Call("web", 1, trace=NUMBER), Call("db", 2, 1, trace=NUMBER, name=HOSTILE))
    send_segments(world, {"id": f"{1:016x}", "name": "web", "end_time": NOW + 0.2})
    done = world.run("trace", TRACE, "--format", "json")
    told = json.loads(done.stdout)
    held = told["backends"]
    assert [span["span_id"] for span in held["honeycomb"]] == [f"{1:016x}", f"{2:016x}"]
    assert held["honeycomb"][1]["parent_id"] == f"{1:016x}"
    assert held["honeycomb"][1]["name"] == HOSTILE
    assert held["honeycomb"][0]["start"] is None
    assert held["xray"][0]["duration_ms"] == pytest.approx(200, abs=1)
    assert held["xray"][0]["start"].startswith("20")
    assert told["unreadable"] == {}
    assert [(d["service"], d["in"], d["not_in"]) for d in told["differences"]] == [
        ("db", ["honeycomb"], ["xray"])
    ]


def test_one_backend_that_holds_it_is_enough(world: World) -> None:
    send_segments(world, {"id": f"{1:016x}", "name": "web", "end_time": NOW + 1})
    done = world.run("trace", TRACE)
    assert done.returncode == 0
    assert "Honeycomb: does not hold this trace" in done.stdout
    assert "differ" not in done.stdout
    world.honeycomb = f"http://127.0.0.1:{free_port()}"
    done = world.run("trace", TRACE, "--format", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert told["backends"]["honeycomb"] is None
    assert "could not be reached" in told["unreadable"]["honeycomb"]
    assert len(told["backends"]["xray"]) == 1


def test_not_found_and_not_readable_end_differently(world: World) -> None:
    assert world.run("trace", TRACE).returncode == 1
    missing = world.run("logs", TRACE, "--format", "json")
    assert missing.returncode == 1
    assert json.loads(missing.stdout) == {"trace_id": TRACE, "lines": []}
    world.aws = f"http://127.0.0.1:{free_port()}"
    for command in ("trace", "logs"):
        done = world.run(command, TRACE)
        assert done.returncode == 2
        assert "could not be r" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


@dataclass
class LogGroup:
    client: Any

    def put(self, *messages: Any) -> None:
        self.client.create_log_group(logGroupName=SERVICE_LOG_GROUP)
        self.client.create_log_stream(logGroupName=SERVICE_LOG_GROUP, logStreamName="one")
        events = [
            {"timestamp": NOW * 1000 + number, "message": m if isinstance(m, str) else json.dumps(m)}
            for number, m in enumerate(messages)
        ]
        self.client.put_log_events(logGroupName=SERVICE_LOG_GROUP, logStreamName="one", logEvents=events)


def test_lines_with_either_form_of_the_id(world: World) -> None:
    resource = {"service.name": "web"}
    LogGroup(aws_client(world.settings, "logs")).put(
        {"body": "first", "severity_text": "WARN", "trace_id": TRACE, "resource": resource},
        {"body": "another trace", "trace_id": trace_of(1), "resource": resource},
        {"body": {"a": [1]}, "aws_trace": XRAY, "resource": "odd", "attributes": 5},
        f"{HOSTILE} {TRACE} no JSON",
    )
    done = world.run("logs", TRACE)
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert first.split() == [first.split()[0], "web", "WARN", "first"]
    assert second.endswith('{"a":[1]}')
    assert "␛[2J<script>" in third
    told = json.loads(world.run("logs", XRAY, "--format", "json").stdout)["lines"]
    assert [line["text"] for line in told] == ["first", '{"a":[1]}', f"{HOSTILE} {TRACE} no JSON"]
    assert told[0]["severity"] == "WARN"


def span(identity: str, parent: str = "") -> Span:
    return Span(identity, parent, "s", identity, None, 1.0, False)


@pytest.mark.parametrize(
    "spans",
    [
        [span("a", "b"), span("b", "a")],
        [span("a", "a")],
        [span("c", "b"), span("b", "a"), span("a", "c"), span("root"), span("leaf", "root")],
        [span("late", "never came"), span("a")],
    ],
)
def test_no_span_is_lost_whatever_its_parent(spans: list[Span]) -> None:
    assert sorted(one.id for one in in_order(spans)) == sorted(one.id for one in spans)


def traces(*documents: Any) -> Callable[[], Any]:
    segments = [
        {"Id": "1", "Document": one if isinstance(one, str) else json.dumps(one)} for one in documents
    ]
    return answers({"Traces": [{"Id": XRAY, "Segments": segments}], "UnprocessedTraceIds": []})


@pytest.mark.parametrize(
    "answer",
    [
        text("<html>"),
        answers({"Traces": 5}),
        answers({}),
        traces("{"),
        traces('{"a":' * 5000),
        answers({"message": "no"}, 403),
    ],
)
def test_an_answer_that_is_none_is_a_problem_of_that_backend(serve: Serve, answer: Any) -> None:
    with pytest.raises(UnreadableError):
        xray_spans(settings_at(serve(Vendor(answer).app)), TRACE)


def test_odd_segments_are_shown_as_far_as_they_make_sense(serve: Serve) -> None:
    vendor = Vendor(
        traces(
            {"id": "a", "name": "web", "start_time": 1e300, "end_time": 5},
            {"id": "b", "name": None, "start_time": 5, "end_time": "x", "subsegments": {"id": 1}},
            {"id": 7, "start_time": 6, "end_time": 1e12, "subsegments": [5, {"start_time": "no"}]},
            [],
            {"id": "c", "start_time": 1, "inferred": True},
        )
    )
    found = xray_spans(settings_at(serve(vendor.app)), TRACE)
    assert [(one.id, one.start, one.duration_ms) for one in found] == [("b", 5.0, 0.0), ("7", 6.0, 0.0)]


def test_log_events_of_no_known_time(serve: Serve) -> None:
    events = [
        {"timestamp": 10**17, "message": "late"},
        {"message": "\ud83d half an emoji"},
        {"timestamp": -5},
    ]
    found = log_lines(settings_at(serve(Vendor(answers_with_surrogates({"events": events})).app)), TRACE)
    assert [(line.moment.year, line.text) for line in found] == [
        (1970, "? half an emoji"),
        (1970, ""),
        (9999, "late"),
    ]


def answers_with_surrogates(body: Any) -> Callable[[], Any]:
    return lambda: Flask.response_class(json.dumps(body), 200, {"Content-Type": "application/json"})


def test_both_are_read_though_one_is_silent(serve: Serve) -> None:
    settings = settings_at(serve(Vendor(traces({"id": "a", "name": "web", "start_time": 5})).app))
    held = read_trace(settings, TRACE, datetime.now(UTC))
    assert [(one.backend, len(one.spans), bool(one.problem)) for one in held] == [
        ("honeycomb", 0, True),
        ("xray", 1, False),
    ]
    assert differences(held) == []
