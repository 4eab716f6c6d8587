"""Twenty ways of breaking the chain, each made for real: the doctor names it, and what it says heals it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.component.doctor.breakages.case import BY_HAND as BY_HAND_APP
from tests.running import CLI, System, free_ports
from threemaps.demo.health import answers, wait_until
from threemaps.demo.processes import records
from threemaps.doctor import Check, check_chain
from threemaps.doctor.senders import check_other_senders
from threemaps.doctor.service import check_command
from threemaps.doctor.walk import Walk
from threemaps.settings import (
    LOCAL_AWS_ACCESS_KEY_ID,
    LOCAL_AWS_SECRET_ACCESS_KEY,
    LOCAL_CONFIGURATION_KEY,
    LOCAL_INGEST_KEY,
    LOCAL_MANAGEMENT_KEY,
    PROJECT,
    Settings,
)
from threemaps.tracing.environment import service_command, service_environment

pytestmark = pytest.mark.system

UNKNOWN_KEY = "hcaik_" + "0" * 58
KEYS = {
    "YOUR_INGEST_KEY": LOCAL_INGEST_KEY,
    "YOUR_CONFIGURATION_KEY": LOCAL_CONFIGURATION_KEY,
    "ID:SECRET": LOCAL_MANAGEMENT_KEY,
    "YOUR_KEY_ID": LOCAL_AWS_ACCESS_KEY_ID,
    "YOUR_SECRET": LOCAL_AWS_SECRET_ACCESS_KEY,
}


@pytest.fixture(scope="module")
def local(new_system: Callable[..., System]) -> System:
    return new_system().up()


@contextmanager
def vendor(name: str, port: int, state: Path) -> Iterator[str]:
    """A stand-in that nobody's `up` or `down` knows of: as far away as the real one."""
    url = f"http://127.0.0.1:{port}"
    environ = {
        **os.environ,
        f"THREEMAPS_PORT_{name.upper()}": str(port),
        "THREEMAPS_STATE": str(state),
        "THREEMAPS_ENV_FILE": os.devnull,
    }
    process = subprocess.Popen([sys.executable, "-m", "threemaps.standins", name], env=environ, cwd=PROJECT)
    try:
        assert wait_until(lambda: answers(f"{url}/healthz"), 60)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that sends to vendors outside, with the keys it has been given."""
    folder = tmp_path_factory.mktemp("cloud")
    honeycomb_port, aws_port = free_ports(2)
    with (
        vendor("honeycomb", honeycomb_port, folder / "vendors") as honeycomb,
        vendor("aws", aws_port, folder / "vendors") as aws,
        System.at(
            folder / "state",
            THREEMAPS_BACKENDS="cloud",
            HONEYCOMB_API_ENDPOINT=honeycomb,
            HONEYCOMB_MCP_ENDPOINT=f"{honeycomb}/mcp",
            HONEYCOMB_API_KEY=LOCAL_INGEST_KEY,
            HONEYCOMB_CONFIGURATION_KEY=LOCAL_CONFIGURATION_KEY,
            AWS_ENDPOINT_URL=aws,
            AWS_ACCESS_KEY_ID=LOCAL_AWS_ACCESS_KEY_ID,
            AWS_SECRET_ACCESS_KEY=LOCAL_AWS_SECRET_ACCESS_KEY,
            AWS_REGION="us-east-1",
        ) as running,
    ):
        running.up().ok("provision")
        yield running


def examine(environment: Mapping[str, str]) -> list[Check]:
    return check_chain(Settings.load(environment), send=True)


def type_in(advice: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The advice, typed into a shell; what it exports stays."""
    for placeholder, key in KEYS.items():
        advice = advice.replace(placeholder, key)
    environ = {**environment, "PATH": f"{CLI.parent}:{os.environ['PATH']}"}
    words = ["bash", "-c", f"{{ {advice}; }} >&2 && env -0"]
    done = subprocess.run(words, env=environ, cwd=PROJECT, stdout=subprocess.PIPE, check=True)
    pairs = (pair.partition("=") for pair in done.stdout.decode().split("\0") if pair)
    return {name: value for name, _, value in pairs}


def assert_named_and_healed(environment: Mapping[str, str], says: str, *, send: bool = True) -> None:
    """Without `send` the last look is only that: what was broken lies before anything is sent."""
    found = examine(environment)[-1]
    assert not found.ok, "nothing was found"
    assert says in found.detail, f"{found.detail} → {found.next_step}"
    healed = type_in(found.next_step, environment)
    checks = check_chain(Settings.load(healed), send=send)
    assert [check.detail for check in checks if not check.ok] == []


def kill(system: System, name: str) -> None:
    """The process and its workers, without a chance to say goodbye."""
    pid = records(system.settings).load()[name].pid
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        process.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not any(lives(process) for process in family), 60)


def lives(process: psutil.Process) -> bool:
    """A zombie does not: it only waits for whoever is to take note of its end."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("users", "no answer from users"),
        ("aws", "its queue waits"),
        pytest.param("collector", "no answer from the collector", marks=pytest.mark.long),
        pytest.param("honeycomb", "honeycomb: its queue waits", marks=pytest.mark.long),
    ],
)
def test_something_is_dead(local: System, name: str, says: str) -> None:
    kill(local, name)
    assert_named_and_healed(local.environment, says)


@pytest.mark.long
@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"OTEL_TRACES_SAMPLER": "always_off"}, "OTEL_TRACES_SAMPLER=always_off drops every trace"),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"},
            "OTEL_TRACES_SAMPLER_ARG=0 with traceidratio",
        ),
    ],
)
def test_started_so_that_it_sends_nothing(local: System, variables: dict[str, str], says: str) -> None:
    local.ok("up", **variables)
    assert_named_and_healed({**local.environment, **variables}, says, send=False)


@dataclass(frozen=True)
class ByHand:
    """The users service, started by hand in place of ours."""

    says: str
    variables: dict[str, str] = field(default_factory=dict)
    launched: bool = True


BY_HAND = {
    "no launcher": ByHand("does not run under opentelemetry-instrument", launched=False),
    "disabled": ByHand("OTEL_SDK_DISABLED=true", {"OTEL_SDK_DISABLED": "true"}),
    "misspelled": ByHand("OTEL_TRACE_EXPORTER is read by nobody", {"OTEL_TRACE_EXPORTER": "otlp"}),
    "console only": ByHand("OTEL_TRACES_EXPORTER=console", {"OTEL_TRACES_EXPORTER": "console"}),
    "no name": ByHand("users has no OTEL_SERVICE_NAME", {"OTEL_SERVICE_NAME": ""}),
    "another's name": ByHand("both named 'activities'", {"OTEL_SERVICE_NAME": "activities"}),
    "elsewhere": ByHand("users sends http", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}),
    "gRPC to the HTTP port": ByHand("users sends grpc", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}),
}


@pytest.mark.long
@pytest.mark.parametrize("case", BY_HAND.values(), ids=BY_HAND)
def test_a_service_started_by_hand(local: System, case: ByHand) -> None:
    kill(local, "users")
    settings = local.settings
    command = service_command(settings, "users", "otel")
    environ = {**local.environment, **service_environment(settings, "users", "otel"), **case.variables}
    process = subprocess.Popen(command if case.launched else command[1:], env=environ, cwd=PROJECT)
    try:
        assert wait_until(lambda: answers(f"{settings.url('users')}/api/health"), 60)
        assert_named_and_healed(local.environment, case.says, send=False)
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.mark.long
@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"HONEYCOMB_API_KEY": ""}, "401"),
        ({"HONEYCOMB_API_KEY": UNKNOWN_KEY}, "401"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "request signature we calculated does not match"),
    ],
)
def test_sent_with_a_wrong_key(cloud: System, variables: dict[str, str], says: str) -> None:
    cloud.ok("up", **variables)
    assert_named_and_healed({**cloud.environment, **variables}, says)


@pytest.mark.long
@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"HONEYCOMB_API_KEY": "hcaik_" + "0" * 26}, "the id of an ingest key"),
        ({"AWS_ACCESS_KEY_ID": "AKIA0"}, "does not know the AWS access key"),
        ({"HONEYCOMB_CONFIGURATION_KEY": ""}, "which reads on the Enterprise plan, is there"),
        ({"HONEYCOMB_CONFIGURATION_KEY": LOCAL_INGEST_KEY}, "is an ingest key"),
        ({"AWS_REGION": "us-east-11"}, "AWS_REGION=us-east-11 is no region"),
    ],
)
def test_read_with_a_wrong_setting(cloud: System, variables: dict[str, str], says: str) -> None:
    assert_named_and_healed({**cloud.environment, **variables}, says, send=False)


def test_the_command_says_that_all_is_well(local: System) -> None:
    told = local.run("doctor")
    assert told.returncode == 0
    assert re.match(r"all \d+ links hold; the last: cloudwatch has the edge of a map", told.stdout), (
        told.stdout
    )


def test_a_fault_that_is_switched_on_stands_first(local: System) -> None:
    local.ok("fault", "users", "--latency", "10ms")
    try:
        said = local.run("doctor").stdout.splitlines()
    finally:
        local.ok("fault", "--clear")
    assert "a fault is switched on for users" in said[0]
    assert "→ threemaps fault --clear" in said[0]
    assert said[3].startswith("  ! service: a fault is switched on for users")


@pytest.fixture
def shop(local: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of a service of one's own that sends to the running collector."""
    for name, value in local.environment.items():
        if name.startswith("THREEMAPS_"):
            monkeypatch.setenv(name, value)
    (tmp_path / "app.py").write_text(BY_HAND_APP)
    return {
        "PATH": f"{CLI.parent}:{os.environ['PATH']}",
        "PORT": str(free_ports(1)[0]),
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_EXPORTER_OTLP_ENDPOINT": local.settings.url("otlp_http"),
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }


def test_a_service_of_ones_own_is_followed_to_both_vendors(shop: dict[str, str], tmp_path: Path) -> None:
    checks = check_command(["python", "app.py"], shop, tmp_path)
    assert [check.detail for check in checks if not (check.ok and check.looked)] == []
    assert "Honeycomb and X-Ray have the trace" in checks[-1].detail


def test_who_sends_past_the_collector_is_named(local: System, shop: dict[str, str], tmp_path: Path) -> None:
    direct = {
        **shop,
        "OTEL_EXPORTER_OTLP_ENDPOINT": local.settings.url("honeycomb"),
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-honeycomb-team={LOCAL_INGEST_KEY}",
    }
    url = f"http://127.0.0.1:{shop['PORT']}/"
    process = subprocess.Popen([sys.executable, "app.py"], env=direct, cwd=tmp_path)
    try:
        wait_until(lambda: answers(url), 60)
        walk = Walk(local.settings)
        assert wait_until(lambda: bool(check_other_senders(walk).next_step), 30)
        found = check_other_senders(walk)
    finally:
        process.terminate()
        process.wait(timeout=60)
    assert found.ok
    assert f"shop (process {process.pid}) sends straight to the local Honeycomb" in found.detail
    assert local.settings.url("otlp_http") in found.next_step


@pytest.mark.long
@pytest.mark.parametrize(
    ("tracing", "variables"),
    [("otel,users=xray-sdk", {}), ("xray-sdk", {}), ("otel", {"CLOUDWATCH_LOGS": "watchtower"})],
)
def test_other_ways_of_tracing_and_logging_are_no_fault(
    local: System, tracing: str, variables: dict[str, str]
) -> None:
    local.ok("up", "--tracing", tracing, **variables)
    checks = examine({**local.environment, **variables})
    assert [check.detail for check in checks if not check.ok] == []
    local.ok("up")


def test_looking_only_sends_nothing(local: System) -> None:
    checks = check_chain(local.settings)
    assert [check.detail for check in checks if not check.ok] == []
    assert "none sent" in {check.detail for check in checks}


def test_what_was_sent_is_counted_and_priced(local: System) -> None:
    def measured() -> dict[str, float]:
        found: dict[str, float] = json.loads(local.ok("spend", "--format", "json"))["measured"]
        return found

    before = measured()
    local.ok("traffic", "--requests", "10")
    assert check_chain(local.settings, send=True)[-1].ok
    sent = {"requests": 11, "events": 88, "spans": 88}

    def all_counted() -> bool:
        after = measured()
        return {name: after[name] - before[name] for name in sent} == sent

    assert wait_until(all_counted, 60), (before, measured())
    told = json.loads(local.ok("spend", "--format", "json"))
    assert told["measured"]["log_bytes"] > 0
    assert told["per_million_requests"] >= 8 * 1.30
    warned = local.run("spend", THREEMAPS_BUDGET="0")
    assert warned.returncode == 0
    assert "a month above THREEMAPS_BUDGET=0" in warned.stderr
    assert local.run("spend", THREEMAPS_BUDGET="much").returncode == 2
    assert local.run("spend", THREEMAPS_PORT_COLLECTOR_METRICS="9").returncode == 2
