"""Containers end, on their own or by somebody's hand. What was sent stays."""

import threading
from pathlib import Path

import pytest

from tests.system.counting import HOME, calls
from tests.system.docker.stack import NO_ENV_FILE, Stack
from threemaps.readers import BACKENDS
from threemaps.settings import SERVICES

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]

CONTAINERS = (*SERVICES, "collector", "honeycomb", "aws", "rollbar", "web")


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_restart_and_a_kill_lose_nothing(stack: Stack, container: str) -> None:
    stack.home(3)
    stack.ok("restart", container)
    stack.await_health()
    stack.home(3)
    if container in SERVICES:  # a kill takes what it has not sent yet with it: at most half a second's spans
        stack.await_all(*BACKENDS)
    stack.ok("kill", container)
    stack.ok("start", container)
    stack.await_health()
    stack.home(3)
    stack.await_all(*BACKENDS)


def test_the_collector_killed_amid_traffic(stack: Stack) -> None:
    made = stack.made.copy()
    traffic = threading.Thread(target=stack.home, args=(60,))
    traffic.start()
    stack.ok("kill", "collector")
    stack.ok("start", "collector")
    traffic.join()
    assert stack.made["activities", "users"] == made["activities", "users"] + 60
    stack.await_health()
    stack.await_all(*BACKENDS)
    told = stack.compare()
    assert told["agree"], told["differences"]


def test_a_wrong_key_put_right_loses_nothing(stack: Stack, tmp_path: Path) -> None:
    stack.await_all("honeycomb")
    before = stack.made.copy()
    stack.env_file = tmp_path / "env"
    account = {
        "THREEMAPS_BACKENDS": "honeycomb",
        "HONEYCOMB_CONFIGURATION_KEY": "local-configuration-key",
        "HONEYCOMB_API_ENDPOINT": "http://honeycomb:8081",
    }

    def start_with(key: str) -> None:
        lines = {**account, "HONEYCOMB_API_KEY": key}.items()
        stack.env_file.write_text("".join(f"{name}={value}\n" for name, value in lines))
        stack.ok("up", "--detach", "--wait")

    try:
        start_with("wrong-key")
        stack.home(4)
        stack.await_all("xray")
        assert calls(stack.settings, "honeycomb") == before
        doctor = stack.threemaps("doctor")
        stack.made += HOME  # the request that it follows
        assert doctor.returncode == 1
        assert "honeycomb" in doctor.stdout.splitlines()[0].lower()
        # With other backends chosen what waits goes nowhere.
        stack.env_file, kept = NO_ENV_FILE, stack.env_file
        stack.ok("up", "--detach", "--wait")
        stack.await_all("xray")
        assert calls(stack.settings, "honeycomb") == before
        stack.env_file = kept
        start_with("local-ingest-key")
        stack.await_all(*BACKENDS)
    finally:
        stack.env_file = NO_ENV_FILE
        stack.ok("up", "--detach", "--wait")
    stack.await_all(*BACKENDS)
