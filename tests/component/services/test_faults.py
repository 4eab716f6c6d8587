"""Faults that are switched on and off while the services run."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from services.common import faults
from services.common.faults import FaultFlag
from tests.component.services.recorder import CLIENT, SERVER, Recorder
from tests.component.services.running import Services
from threemaps.cli.fault import command
from threemaps.demo.faults import NO_FAULT, Fault, document, parse, read, require_local, switch
from threemaps.demo.health import wait_until
from threemaps.errors import UserError
from threemaps.settings import Settings

NOTICED_SECONDS = 10


def misbehave(services: Services, service: str, fault: Fault) -> None:
    switch(services.settings.flags_file, service, fault)


def status(services: Services, path: str = "/api/users/andrew") -> int:
    return requests.get(services.edge + path, timeout=10).status_code


def of_service(spans: list[Any], service: str, kind: int) -> list[Any]:
    return [span for span in spans if (span.service, span.kind) == (service, kind)]


def test_errors_are_seen_by_the_caller_and_stand_on_the_span(new_services, recorder: Recorder) -> None:
    services = new_services("frontend_api", "users")
    assert status(services) == 200
    misbehave(services, "users", Fault(errors=1.0))
    assert wait_until(lambda: status(services) == 503, NOTICED_SECONDS)
    trace_id = requests.get(f"{services.edge}/api/users/andrew").headers["X-Trace-Id"]
    spans = recorder.trace(trace_id, 3)
    (server,) = of_service(spans, "users", SERVER)
    assert server.failed
    assert "exception" in server.events
    assert server.attributes["feature_flag.key"] == "fault.users"
    assert server.attributes["feature_flag.provider.name"] == "flagd"
    assert server.attributes["feature_flag.result.variant"] == "on"
    told = json.loads(server.attributes["feature_flag.result.value"])
    assert told == {"down": False, "errors": 1.0, "latency_ms": 0}
    misbehave(services, "users", NO_FAULT)
    assert wait_until(lambda: status(services) == 200, NOTICED_SECONDS)


def test_a_service_that_is_down_leaves_no_span_and_no_answer(new_services, recorder: Recorder) -> None:
    services = new_services("frontend_api", "users")
    misbehave(services, "users", Fault(down=True))
    assert wait_until(lambda: status(services) == 503, NOTICED_SECONDS)
    answer = requests.get(f"{services.edge}/api/users/andrew")
    assert answer.json()["message"] == "users cannot be reached"
    spans = recorder.trace(answer.headers["X-Trace-Id"], 2)
    assert [span.failed for span in of_service(spans, "frontend_api", CLIENT)] == [True]
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{services['users'].url}/api/users/andrew")
    assert requests.get(f"{services['users'].url}/api/health").status_code == 200


def test_latency_is_added(new_services, recorder: Recorder) -> None:
    services = new_services("frontend_api", "users", USERS_TIMEOUT_SECONDS="0.5")
    misbehave(services, "users", Fault(latency_ms=3_000))
    assert wait_until(lambda: status(services) == 503, NOTICED_SECONDS)
    assert requests.get(f"{services.edge}/api/users/andrew").json()["message"].endswith("within 0.5 s")


def test_a_file_that_is_broken_changes_nothing(new_services) -> None:
    services = new_services("frontend_api", "users")
    misbehave(services, "users", Fault(errors=1.0))
    assert wait_until(lambda: status(services) == 503, NOTICED_SECONDS)
    services.settings.flags_file.write_text("{ broken")
    log = services["users"].log
    assert status(services) == 503
    assert "holds no flags that can be read" in log.read_text()


@pytest.mark.parametrize(
    "broken",
    [
        "[]",
        '{"flags": []}',
        '{"flags": {"fault.users": 3}}',
        '{"flags": {"fault.users": {"defaultVariant": "on", "variants": {}}}}',
        '{"flags": {"fault.users": {"defaultVariant": "on", "variants": {"on": {"errors": "many"}}}}}',
        "\x80",
    ],
)
def test_a_flag_of_another_shape_changes_nothing(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "flags.json"
    switch(path, "users", Fault(errors=0.5))
    flag = FaultFlag(path, "fault.users")
    assert flag.fault().errors == 0.5
    path.write_text(broken, encoding="latin-1")
    assert flag.fault().errors == 0.5
    switch(path, "users", NO_FAULT)
    assert flag.fault() is faults.NO_FAULT


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, faults.NO_FAULT),
        ({"state": "DISABLED", "defaultVariant": "on", "variants": {"on": {"errors": 1}}}, faults.NO_FAULT),
        ({"defaultVariant": "off", "variants": {"off": {"errors": 1}}}, faults.NO_FAULT),
        ({"defaultVariant": "some", "variants": {"some": {"errors": 1}}}, faults.Fault("some", 0, 1, False)),
        ({"defaultVariant": "on", "variants": {"on": {"down": "yes"}}}, faults.Fault("on")),
    ],
)
def test_a_flag_says_what_it_says_to_flagds_clients(
    tmp_path: Path, flags: dict[str, Any], expected: faults.Fault
) -> None:
    path = tmp_path / "flags.json"
    path.write_text(json.dumps({"flags": {"fault.users": flags} if flags else {}}))
    assert FaultFlag(path, "fault.users").fault() == expected


def test_a_file_that_comes_and_goes_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    flag = FaultFlag(path, "fault.users")
    assert flag.fault() is faults.NO_FAULT
    switch(path, "users", Fault(down=True))
    assert flag.fault().down
    path.unlink()
    assert flag.fault() is faults.NO_FAULT


def test_no_file_is_watched_where_a_backend_is_real() -> None:
    from threemaps.tracing.environment import service_environment

    settings = Settings.load({"THREEMAPS_BACKENDS": "aws", "THREEMAPS_ENV_FILE": "/dev/null"})
    assert "FLAGD_OFFLINE_FLAG_SOURCE_PATH" not in service_environment(settings, "users", "otel")
    with pytest.raises(UserError, match="local mode"):
        require_local(settings)


@pytest.mark.parametrize("fault", [NO_FAULT, Fault(300, 0.25, False), Fault(down=True)])
def test_a_fault_comes_back_as_it_was_written(tmp_path: Path, fault: Fault) -> None:
    path = tmp_path / "flags.json"
    switch(path, "activities", Fault(latency_ms=5))
    switch(path, "users", fault)
    assert read(path) == {"activities": Fault(latency_ms=5), "users": fault}


@pytest.mark.parametrize(
    "told",
    [None, [], {}, {"flags": None}, {"flags": {"fault.users": 3}}, {"flags": {"other": document({})}}],
)
def test_what_is_no_fault_is_left_out(told: Any) -> None:
    assert parse(told) == {}


@pytest.fixture
def fault_command(services: Services, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("threemaps.settings.Settings.load", lambda: services.settings)
    return lambda *arguments: CliRunner().invoke(command, arguments)


def test_the_command_switches_and_clears(services: Services, fault_command: Any) -> None:
    done = fault_command("users", "--latency", "1.5s", "--errors", "0.3")
    assert done.exit_code == 0
    assert "1500 ms slower, 30% of its requests fail" in done.output
    assert read(services.settings.flags_file) == {"users": Fault(1500, 0.3, False)}
    assert fault_command("users", "--clear").exit_code == 0
    assert read(services.settings.flags_file) == {"users": NO_FAULT}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody", "--down"], "'nobody' is none of"),
        (["users"], "say what is to go wrong"),
        (["users", "--down", "--clear"], "say what is to go wrong"),
        (["users", "--latency", "soon"], "'soon' is no duration"),
        (["users", "--latency", "0ms"], "not between"),
        (["users", "--latency", "61s"], "not between"),
        (["users", "--errors", "1.1"], "1.1"),
        (["users", "--errors", "nan"], "nan"),
        (["users", "--errors", "-0.5"], "-0.5"),
        (["users", "--errors", "0"], "no share"),
    ],
)
def test_a_wrong_use_is_named(fault_command: Any, arguments: list[str], told: str) -> None:
    done = fault_command(*arguments)
    assert done.exit_code == 2
    assert told in done.output


def test_a_service_that_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings.load(
        {
            "THREEMAPS_ENV_FILE": "/dev/null",
            "THREEMAPS_STATE": str(tmp_path),
            "THREEMAPS_URL_USERS": "http://127.0.0.1:1",
        }
    )
    monkeypatch.setattr("threemaps.settings.Settings.load", lambda: settings)
    done = CliRunner().invoke(command, ["users", "--down"])
    assert isinstance(done.exception, UserError)
    assert done.exception.exit_code == 1
