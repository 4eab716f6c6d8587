"""deploy/ecs: what Fargate takes, closed, with no right too many, and the same as everywhere else."""

import fnmatch
import json
import os
import re
from graphlib import TopologicalSorter
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from tests.component.deploy.ecs import (
    COLLECTOR_DIGEST,
    COLLECTORS,
    FILLED_IN,
    FOLDER,
    TASKS,
    containers,
    environment,
    filled,
    task,
)
from threemaps.demo.task import GIVEN
from threemaps.settings import PROJECT, SERVICES, Settings
from threemaps.tracing.environment import OTEL, service_environment

POLICIES = ("iam-agent", "iam-gateway-execution", "iam-service-execution")
# AWS has no resource for these, by its service authorization reference.
EVERYWHERE = {
    "ecr:GetAuthorizationToken",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
}
# CPU units → gigabytes of memory that Fargate has for them.
SIZES = {"256": (0.5, 2), "512": (1, 4), "1024": (2, 8), "2048": (4, 16)}
each_task = pytest.mark.parametrize("name", TASKS)


@each_task
def test_the_task_definition_has_the_shape_that_aws_takes(name: str) -> None:
    shape = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition")
    report = ParamValidator().validate(task(name), shape.input_shape)
    assert not report.has_errors(), report.generate_report()


@each_task
def test_fargate_has_this_size_and_the_containers_fit(name: str) -> None:
    described = task(name)
    assert described["requiresCompatibilities"] == ["FARGATE"]
    assert described["networkMode"] == "awsvpc"
    least, most = SIZES[described["cpu"]]
    assert least <= int(described["memory"]) / 1024 <= most
    running = [one["memory"] for one in described["containerDefinitions"] if one["name"] != "init"]
    assert sum(running) <= int(described["memory"])


@each_task
def test_every_container_is_locked_down_pinned_and_heard(name: str) -> None:
    for container in containers(name).values():
        assert container["readonlyRootFilesystem"] is True
        assert "privileged" not in container
        _, _, tag = container["image"].rpartition(":")
        assert tag not in {"", "latest"}
        log = container["logConfiguration"]
        assert (log["logDriver"], log["options"]["mode"]) == ("awslogs", "non-blocking")
        assert container.get("stopTimeout", 30) <= 120
        # Fargate's volumes are root's: somebody has to give them away.
        nobody = container["user"] == "10001" and container["linuxParameters"]["capabilities"] == {
            "drop": ["ALL"]
        }
        assert nobody is (container["name"] != "init")


@each_task
def test_keys_are_given_to_the_first_container_alone(name: str) -> None:
    for container in containers(name).values():
        assert ("secrets" in container) is (container["name"] == "init")
    tier = "gateway" if name == "gateway" else "agent"
    init = containers(name)["init"]
    given = {one["name"] for one in init["secrets"]} | set(environment(init))
    assert set(GIVEN[tier].values()) <= given
    assert init["command"] == ["python", "-m", "threemaps.demo.task", tier]


@each_task
def test_the_execution_role_reads_these_parameters_writes_these_logs_and_no_others(name: str) -> None:
    role = "gateway" if name == "gateway" else "service"
    assert task(name)["executionRoleArn"].endswith(f":role/threemaps-{role}-execution")
    policy = filled(f"iam-{role}-execution.json")
    wanted = [one["valueFrom"] for one in containers(name)["init"]["secrets"]]
    (pattern,) = resources(policy, "ssm:GetParameters")
    assert all(fnmatch.fnmatchcase(one, pattern) for one in wanted)
    other = containers("users" if name == "gateway" else "gateway")["init"]["secrets"]
    assert not any(fnmatch.fnmatchcase(one["valueFrom"], pattern) for one in other)
    (groups,) = resources(policy, "logs:PutLogEvents")
    for container in containers(name).values():
        assert f":log-group:{container['logConfiguration']['options']['awslogs-group']}:*" in groups
    (repository,) = resources(policy, "ecr:BatchGetImage")
    pulled = FILLED_IN["IMAGE"].partition("/")[2].partition(":")[0]
    assert repository.endswith(f"repository/{pulled}")


@each_task
def test_volumes_and_mounts_belong_together(name: str) -> None:
    volumes = {one["name"] for one in task(name)["volumes"]}
    mounted = {
        container: {mount["sourceVolume"]: mount for mount in described.get("mountPoints", ())}
        for container, described in containers(name).items()
    }
    assert set(mounted["init"]) == volumes  # it gives all of them to their owner
    assert set().union(*mounted.values()) == volumes
    collector = mounted[COLLECTORS[name]]
    assert collector["run"]["readOnly"] is True
    # The tokens and keys in `run` are for the collector: the service's user is the same.
    assert "run" not in mounted.get("service", {})


@each_task
def test_containers_start_in_this_order_and_stop_in_the_other(name: str) -> None:
    needs = {
        container: {one["containerName"] for one in described.get("dependsOn", ())}
        for container, described in containers(name).items()
    }
    order = ["init", COLLECTORS[name], "drain", *(["service"] if name != "gateway" else [])]
    assert list(TopologicalSorter(needs).static_order()) == order
    for container, described in containers(name).items():
        conditions = {one["containerName"]: one["condition"] for one in described.get("dependsOn", ())}
        assert all(how == ("SUCCESS" if what == "init" else "START") for what, how in conditions.items()), (
            container
        )


@each_task
def test_what_is_essential_and_who_watches_it(name: str) -> None:
    """The collector's image has no shell for a health check: in a gateway `drain` has it. A service goes on
    without its agent, which is started again."""
    described = containers(name)
    assert {one for one in described if described[one]["essential"]} == (
        {"collector", "drain"} if name == "gateway" else {"service"}
    )
    collector = described[COLLECTORS[name]]
    assert "healthCheck" not in collector
    assert collector["restartPolicy"]["enabled"] is True
    watched = described["drain" if name == "gateway" else "service"]["healthCheck"]
    assert watched["command"][:4] == ["CMD", "python", "-m", "threemaps.basics.probe"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_traced_as_without_ecs(service: str) -> None:
    inside = Settings.load(
        {
            "THREEMAPS_ENV_FILE": os.devnull,
            "THREEMAPS_BIND": "0.0.0.0",
            "THREEMAPS_BACKENDS": "cloud",
            "THREEMAPS_URL_ACTIVITIES": "http://activities.threemaps:8000",
            "THREEMAPS_URL_USERS": "http://users.threemaps:8000",
        }
    )
    expected = service_environment(inside, service, OTEL)
    expected |= {"THREEMAPS_LISTEN": "0.0.0.0:8000"}  # every task has an address of its own
    apart = {name for name in expected if name.startswith("ROLLBAR_")}
    described = containers(service)["service"]
    assert environment(described) == {name: value for name, value in expected.items() if name not in apart}
    assert described["command"] == [
        *("opentelemetry-instrument", "gunicorn", "-c", "services/gunicorn.conf.py"),
        f"services.{service}:create_app()",
    ]


@each_task
def test_the_collector_is_the_one_of_compose(name: str) -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]["collector"]
    collector = compose["image"].partition(":")[0]
    assert containers(name)[COLLECTORS[name]]["image"] == f"{collector}@{COLLECTOR_DIGEST}"
    assert f"{collector}@{COLLECTOR_DIGEST}" in (PROJECT / "docs" / "docker.md").read_text()


@pytest.mark.parametrize("name", POLICIES)
def test_policies_name_calls_that_exist_and_narrow_what_can_be_narrowed(name: str) -> None:
    session = botocore.session.get_session()
    for statement in filled(f"{name}.json")["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            service, _, operation = action.partition(":")
            assert operation in session.get_service_model(service).operation_names, action
            assert (statement["Resource"] == "*") is (action in EVERYWHERE), action
    assert len(json.dumps(filled(f"{name}.json"))) < 6144


def test_only_tasks_of_this_account_take_the_roles() -> None:
    (statement,) = filled("trust.json")["Statement"]
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": FILLED_IN["ACCOUNT"]}


def test_every_file_and_role_is_documented() -> None:
    page = (PROJECT / "docs" / "scaling.md").read_text()
    assert [file.name for file in FOLDER.iterdir() if file.name not in page] == []
    roles = {
        re.sub(r".*:role/", "", task(name)[key])
        for name in TASKS
        for key in ("taskRoleArn", "executionRoleArn")
    }
    assert [role for role in roles if role not in page] == []


def resources(policy: Any, action: str) -> list[str]:
    return [one["Resource"] for one in policy["Statement"] if action in one["Action"]]
