"""`docker compose up`, and nothing else: exact maps, the command line inside, everything locked down."""

import json
from collections import Counter
from typing import Any

import pytest
import requests

from tests.system.counting import HOME
from tests.system.docker.stack import Stack, until
from threemaps.readers import BACKENDS
from threemaps.settings import SERVICES

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]


def edges(told: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {
        (edge["source"], edge["target"]): edge["requests"]
        for edge in told["edges"]
        if edge["source_kind"] == "service"
    }


def test_three_exact_maps(stack: Stack) -> None:
    stack.home(20)
    told = stack.compare()
    assert told["agree"], told["differences"]
    assert {name: edges(told["maps"][name]) for name in BACKENDS} == dict.fromkeys(BACKENDS, stack.made)


def test_who_waits_for_it_is_told_where_the_page_is(stack: Stack) -> None:
    ready = f"threemaps is ready: {stack.settings.url('web')}"
    assert until(lambda: ready in stack.ok("logs", "--no-log-prefix", "guard").splitlines())


def test_published_ports(stack: Stack) -> None:
    for name, path in {"web": "/", "honeycomb": "/healthz", "aws": "/healthz", "rollbar": "/healthz"}.items():
        assert requests.get(stack.settings.url(name) + path, timeout=10).status_code == 200
    assert requests.get(stack.settings.url("health"), timeout=10).status_code == 200


def test_status_and_doctor(stack: Stack) -> None:
    status = stack.threemaps("status", "--format", "json")
    told = json.loads(status.stdout)
    assert status.returncode == 0
    assert told["services"]["users"] == "http://users:8002"
    assert {name: one["mode"] for name, one in told["backends"].items()} == dict.fromkeys(
        ("honeycomb", "aws", "rollbar"), "local"
    )
    doctor = stack.threemaps("doctor")
    assert doctor.returncode == 0, doctor.stdout
    stack.made += HOME  # the request that it follows


def test_a_fault_reaches_the_service(stack: Stack) -> None:
    url = f"{stack.settings.url('frontend_api')}/api/users/andrew"

    def answer() -> int:
        stack.made["frontend_api", "users"] += 1
        return requests.get(url, timeout=30).status_code

    assert answer() == 200
    assert stack.threemaps("fault", "users", "--errors", "1").returncode == 0
    try:
        assert until(lambda: answer() >= 500, 10)
    finally:
        assert stack.threemaps("fault", "users", "--clear").returncode == 0
    assert until(lambda: answer() == 200, 10)


def test_containers_are_locked_down(stack: Stack) -> None:
    for name, container in stack.containers().items():
        host, config = container["HostConfig"], container["Config"]
        assert config["User"] == "10001", name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert not host["Privileged"], name
        assert host["Memory"] > 0, name
        assert host["PidsLimit"] > 0, name


def test_nothing_listens_beyond_this_machine(stack: Stack) -> None:
    published = {
        name: [
            one["HostIp"]
            for bound in (container["HostConfig"]["PortBindings"] or {}).values()
            for one in bound
        ]
        for name, container in stack.containers().items()
    }
    assert {address for addresses in published.values() for address in addresses} == {"127.0.0.1"}
    assert [name for name in SERVICES if published[name]] == ["frontend_api"]


def test_three_of_a_service_are_one_node(stack: Stack) -> None:
    stack.ok("up", "--detach", "--wait", "--no-recreate", "--scale", "activities=3")
    try:
        assert len(stack.container_ids("--filter", "label=com.docker.compose.service=activities")) == 3
        stack.home(15)
        stack.await_all(*BACKENDS)
    finally:
        stack.ok("up", "--detach", "--wait", "--no-recreate", "--scale", "activities=1")


def test_calls_to_a_dead_service_are_drawn_where_it_sends_nothing(stack: Stack) -> None:
    stack.ok("stop", "users")
    answer = requests.get(f"{stack.settings.url('frontend_api')}/api/activities/home", timeout=30)
    assert answer.json()["degraded"] is True
    stack.made["frontend_api", "activities"] += 1
    stack.unanswered += Counter([("frontend_api", "users"), ("activities", "users")])
    try:
        told = stack.compare()
    finally:
        stack.ok("start", "users")
        stack.await_health()
    assert told["agree"], told["differences"]
    kinds = {
        name: {node["kind"] for node in told["maps"][name]["nodes"] if node["name"] == "users"}
        for name in BACKENDS
    }
    assert kinds == {"honeycomb": {"service"}, "xray": {"service", "remote"}, "cloudwatch": {"service"}}
    stack.await_all(*BACKENDS)
