"""trace, logs and query, against the running system."""

import re
import time

import pytest
import requests

from tests.running import System

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def told(system: System) -> str:
    """A trace that has arrived everywhere, as it is printed; Honeycomb answers ten queries a minute."""
    url = system.settings.url("frontend_api")
    trace_id = requests.get(f"{url}/api/activities/home", timeout=30).headers["X-Trace-Id"]
    plain = trace_id.removeprefix("1-").replace("-", "")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        # Asked of the logs first: Honeycomb answers ten queries a minute.
        if system.run("logs", plain).stdout.count("\n") >= 4:
            told = system.run("trace", plain, "--attributes").stdout
            if told.count("8 spans") == 2:
                return told
    raise AssertionError("the trace has not arrived everywhere")


@pytest.fixture(scope="module")
def trace_id(told: str) -> str:
    return told.rpartition("threemaps logs ")[2].strip()


def test_a_trace_is_shown_as_each_backend_holds_it(told: str) -> None:
    honeycomb, xray = told.split("AWS X-Ray")
    assert "Honeycomb: 8 spans" in honeycomb
    assert "    frontend_api: GET  " in honeycomb
    assert re.search(r"^  frontend_api +[\d.]+ ms +█+$", xray, re.MULTILINE)
    assert "home-activities-mock-data" in honeycomb
    assert "home-activities-mock-data" in xray


def test_a_trace_is_shown_with_the_attributes_that_the_service_set(told: str) -> None:
    honeycomb, xray = told.split("AWS X-Ray")
    for one in (honeycomb, xray):
        assert re.search(r"^ +app[._]result_length = [1-9]\d*$", one, re.MULTILINE)
        assert re.search(r"^ +app[._]now = 20\d\d-", one, re.MULTILINE)


def test_both_ways_to_write_an_id_are_the_same(system: System, trace_id: str) -> None:
    xray = f"1-{trace_id[:8]}-{trace_id[8:]}"
    assert system.ok("logs", xray) == system.ok("logs", trace_id)


def test_log_lines_stand_in_their_order(system: System, trace_id: str) -> None:
    lines = system.ok("logs", trace_id).splitlines()
    assert [line[:12] for line in lines] == sorted(line[:12] for line in lines)
    assert {line.split()[1] for line in lines} == {"frontend_api", "activities", "users"}


def test_what_nobody_holds_exits_with_1(system: System) -> None:
    unknown = "0" * 31 + "1"
    for command in ("trace", "logs"):
        assert system.run(command, unknown).returncode == 1


def test_the_three_questions(system: System, trace_id: str) -> None:
    counts = system.ok("query", "count")
    assert re.search(r"^ +\d+  [0-9a-f]{32}$", counts, re.MULTILINE)
    heatmap = system.ok("query", "heatmap", "--since", "10m")
    assert re.search("[░▒▓█]", heatmap)
    p90 = system.ok("query", "p90", "--service", "users")
    assert re.search(r"whole +[\d.]+ ms", p90)


def test_a_question_about_nobody_says_so(system: System) -> None:
    assert "no spans in this window" in system.ok("query", "count", "--service", "nobody")


def test_a_silent_honeycomb_exits_with_2(system: System) -> None:
    done = system.run("query", "count", THREEMAPS_PORT_HONEYCOMB="1")
    assert done.returncode == 2
    assert "could not be reached" in done.stderr
