"""The same services on the X-Ray SDK, alone and mixed with OpenTelemetry in one trace."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests

from services.common.trace_ids import NO_TRACE
from tests.component.services.recorder import CLIENT, SERVER, Recorder
from tests.component.services.running import Services
from tests.component.services.segments import Daemon, daemon
from threemaps.settings import SERVICES

Mixed = Callable[..., tuple[Services, Daemon]]


@pytest.fixture
def mixed(new_services: Callable[..., Services], make_daemon: Callable[[Services], Daemon]) -> Mixed:
    def start(*xray: str, **variables: str) -> tuple[Services, Daemon]:
        services = new_services(modes=dict.fromkeys(xray, "xray-sdk"), **variables)
        return services, make_daemon(services)

    return start


@pytest.fixture
def make_daemon() -> Iterator[Callable[[Services], Daemon]]:
    with ExitStack() as running:
        yield lambda services: running.enter_context(daemon(services.settings.ports["xray"]))


def test_all_on_the_xray_sdk_make_the_same_triangle(mixed: Mixed) -> None:
    services, daemon = mixed(*SERVICES)
    answer = requests.get(f"{services.edge}/api/activities/home")
    trace_id = answer.headers["X-Trace-Id"]
    edge, activities = (daemon.segment(name, trace_id) for name in ("frontend_api", "activities"))
    daemon.wait(lambda: len(daemon.segments) == 4)
    users = [segment for segment in daemon.segments if segment["name"] == "users"]
    calls = [*edge["subsegments"], *(s for s in activities["subsegments"] if s.get("namespace") == "remote")]
    assert "parent_id" not in edge
    assert activities["parent_id"] == edge["subsegments"][0]["id"]
    called = {segment["parent_id"] for segment in users}
    assert called == {call["id"] for call in calls[1:]}
    assert {segment["trace_id"] for segment in users} == {edge["trace_id"]}
    (own,) = [s for s in activities["subsegments"] if s["name"] == "home-activities-mock-data"]
    assert own["annotations"]["app_result_length"] == len(answer.json()["activities"])
    assert own["annotations"]["app_now"].startswith("20")


def test_an_xray_service_between_two_of_opentelemetry(mixed: Mixed, recorder: Recorder) -> None:
    services, daemon = mixed("activities")
    trace_id = requests.get(f"{services.edge}/api/activities/home").headers["X-Trace-Id"]
    # The edge's server span, its two calls, and users' two server spans.
    spans = recorder.trace(trace_id, 5)
    segment = daemon.segment("activities", trace_id)
    by_id = {span.span_id: span for span in spans}
    assert by_id[segment["parent_id"]].kind == CLIENT
    subsegments = {s["id"] for s in segment["subsegments"] if s.get("namespace") == "remote"}
    parents = {span.parent_id for span in spans if span.service == "users" and span.kind == SERVER}
    assert len(parents & subsegments) == 1
    assert parents - subsegments <= by_id.keys()


def test_an_opentelemetry_service_between_two_of_xray(mixed: Mixed, recorder: Recorder) -> None:
    services, daemon = mixed("frontend_api", "users")
    trace_id = requests.get(f"{services.edge}/api/activities/@worf").headers["X-Trace-Id"]
    spans = recorder.trace(trace_id, 2)
    (server,) = [span for span in spans if span.kind == SERVER]
    (client,) = [span for span in spans if span.kind == CLIENT]
    assert server.parent_id == daemon.segment("frontend_api", trace_id)["subsegments"][0]["id"]
    assert daemon.segment("users", trace_id)["parent_id"] == client.span_id


def test_the_edge_drops_a_strangers_header_here_too(mixed: Mixed) -> None:
    services, daemon = mixed("frontend_api")
    header = "Root=1-11111111-222222223333333344444444;Parent=5555555555555555;Sampled=0"
    answer = requests.get(f"{services.edge}/api/nothing", headers={"X-Amzn-Trace-Id": header})
    trace_id = answer.headers["X-Trace-Id"]
    assert trace_id not in (NO_TRACE, "11111111222222223333333344444444")
    assert "parent_id" not in daemon.segment("frontend_api", trace_id)


def test_health_checks_make_no_segment(mixed: Mixed) -> None:
    services, daemon = mixed("users")
    url = services["users"].url
    assert requests.get(f"{url}/api/health").headers["X-Trace-Id"] == NO_TRACE
    daemon.segment("users", requests.get(f"{url}/api/users/andrew").headers["X-Trace-Id"])
    assert {segment["http"]["request"]["url"] for segment in daemon.segments} == {f"{url}/api/users/andrew"}


def test_log_lines_carry_the_recorders_ids(mixed: Mixed) -> None:
    services, daemon = mixed("users")
    trace_id = requests.get(f"{services['users'].url}/api/users/andrew").headers["X-Trace-Id"]
    segment = daemon.segment("users", trace_id)
    (line,) = [line for line in services["users"].lines() if line["trace_id"] == trace_id]
    assert (line["xray_trace_id"], line["span_id"]) == (segment["trace_id"], segment["id"])


def test_what_is_not_sampled_stays_one_trace_that_nobody_records(mixed: Mixed, recorder: Recorder) -> None:
    services, daemon = mixed("activities")
    trace_id = "99999999aaaaaaaabbbbbbbbcccccccc"
    header = f"Root=1-{trace_id[:8]}-{trace_id[8:]};Parent=5555555555555555;Sampled=0"
    answer = requests.get(
        f"{services['activities'].url}/api/activities/@worf", headers={"X-Amzn-Trace-Id": header}
    )
    assert answer.headers["X-Trace-Id"] == trace_id
    lines = [line["trace_id"] for line in services["users"].lines() if "route" in str(line)]
    assert trace_id in lines
    # A later request that is recorded shows that the daemon and the recorder had heard of all before it.
    later = requests.get(f"{services['activities'].url}/api/activities/@worf").headers["X-Trace-Id"]
    daemon.segment("activities", later)
    recorder.trace(later, 1)
    assert trace_id not in {span.trace_id for span in recorder.spans}
    assert len(daemon.segments) == 1


def test_aws_xray_url_names_the_service_after_its_host(mixed: Mixed) -> None:
    services, daemon = mixed("users", AWS_XRAY_URL="*127.0.0.1*")
    requests.get(f"{services['users'].url}/api/users/andrew")
    host = services["users"].url.removeprefix("http://")
    assert daemon.wait(lambda: daemon.segments)[0]["name"] == host
