"""The tasks of deploy/ecs, run with their containers, volumes, limits and health checks, without AWS."""

import os
import signal
from collections.abc import Iterator, Mapping

import pytest
import requests

from tests.component.deploy.certificates import certificates
from tests.system.counting import HOME
from tests.system.docker.fargate import Task
from tests.system.docker.stack import Stack, until
from threemaps.settings import SERVICES

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]

REQUESTS = 20
SOURCES = ("honeycomb", "xray", "cloudwatch")
VENDORS = {"HONEYCOMB_API_ENDPOINT": "http://honeycomb:8081", "AWS_ENDPOINT_URL": "http://aws:8082"}
ROLE = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local-secret", "AWS_REGION": "us-east-1"}

Tasks = Mapping[str, Task]


@pytest.fixture(scope="module")
def tasks(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    """A gateway and the three services, in the network of the stack, whose vendors they send to."""
    made = certificates(tmp_path_factory.mktemp("trust"))
    stored = {file.removesuffix(".pem").upper(): value for file, value in made.items()}
    stored |= {"HONEYCOMB_API_KEY": "local-ingest-key"}
    network = f"{stack.project}_default"
    found = {name: Task(name, network, stored, VENDORS | ROLE) for name in ("gateway", *SERVICES)}
    try:
        for one in found.values():
            one.start()
        assert until(lambda: all(one.is_healthy() for one in found.values()), 120)
        yield found
    finally:
        for one in found.values():
            one.remove()


def home(stack: Stack, tasks: Tasks) -> None:
    for _ in range(REQUESTS):
        answer = requests.get(f"http://{tasks['frontend_api'].address}:8000/api/activities/home", timeout=30)
        assert (answer.status_code, answer.json().get("degraded", False)) == (200, False)
        stack.made += HOME


def test_requests_are_in_all_three_maps(stack: Stack, tasks: Tasks) -> None:
    home(stack, tasks)
    stack.await_all(*SOURCES)


def test_an_agent_that_is_killed_is_started_again_and_its_service_goes_on(stack: Stack, tasks: Tasks) -> None:
    users = tasks["users"]
    before = users.state("agent")
    os.kill(before["Pid"], signal.SIGKILL)
    home(stack, tasks)
    assert until(lambda: users.state("agent")["Running"] and users.state("agent")["Pid"] != before["Pid"])
    assert users.is_healthy()
    stack.await_all(*SOURCES)


def test_a_gateway_that_is_stopped_has_sent_everything_and_agents_wait_for_the_next(
    stack: Stack, tasks: Tasks
) -> None:
    home(stack, tasks)
    assert tasks["gateway"].stop() == {"drain": 0, "collector": 0}
    stack.await_all(*SOURCES)
    tasks["gateway"].remove()
    home(stack, tasks)
    tasks["gateway"].start()
    stack.await_all(*SOURCES)
