"""What stands in aws/ is what AWS takes, and the policies allow just what the code calls."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import validate_parameters

from threemaps.settings import PROJECT, SERVICE_LOG_GROUP

AWS = PROJECT / "aws"
SERVICES = ("xray", "logs", "cloudwatch", "application-signals", "sts")
POLICIES = ("iam-collector", "iam-reader", "iam-provisioner")
ARN = re.compile(
    r"arn:aws:(xray|logs|cloudwatch|iam):[*a-z0-9-]*:\*:[a-z-]+[:/]"
    r"(/?threemaps|aws/spans|/aws/application-signals/data|aws-service-role)[A-Za-z0-9/*:._-]*"
)
# What everybody may do without being allowed to, by AWS's own documentation of STS.
FREE = {"sts:GetCallerIdentity"}
# X-Ray's OTLP door is no operation of its API: these stand in AWS's Service Authorization Reference.
DOORS = {"xray:PutSpans", "xray:PutSpansForIndexing"}
# X-Ray has an operation of the same name, which nobody calls.
NAMESAKES = {"xray:PutResourcePolicy"}
# StartDiscovery makes a role in the name of who calls it.
INDIRECT = {"iam:CreateServiceLinkedRole"}


def load(name: str) -> Any:
    return json.loads((AWS / f"{name}.json").read_text())


@cache
def operations(service: str) -> dict[str, str]:
    """boto3's name → AWS's name."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


def validate(service: str, operation: str, arguments: Any) -> None:
    model = botocore.session.get_session().get_service_model(service)
    validate_parameters(arguments, model.operation_model(operation).input_shape)


def test_files_have_the_shapes_that_aws_takes() -> None:
    validate("xray", "CreateGroup", load("xray-group"))
    validate("xray", "CreateSamplingRule", load("xray-sampling-rule"))
    for group in load("log-groups"):
        validate("logs", "PutRetentionPolicy", group)
    for stream in load("log-streams"):
        validate("logs", "CreateLogStream", stream)


def test_names_are_those_that_the_collector_writes_to() -> None:
    assert {group["logGroupName"] for group in load("log-groups")} == {SERVICE_LOG_GROUP}
    config = (PROJECT / "collector" / "otel-config.yaml").read_text()
    for stream in load("log-streams"):
        assert stream["logGroupName"] in config
    assert load("xray-sampling-rule")["SamplingRule"]["RuleName"] == load("xray-group")["GroupName"]


def test_the_collector_may_use_either_of_x_rays_doors() -> None:
    """AWS asks for all three at the OTLP door."""
    assert actions("iam-collector") >= {"xray:PutTraceSegments", *DOORS}


def test_retention_is_a_number_of_days_that_aws_knows() -> None:
    known = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922}
    assert {group["retentionInDays"] for group in load("log-groups")} <= known


def test_dashboard_widgets_fit_its_grid_and_its_names() -> None:
    for widget in load("dashboard")["widgets"]:
        assert widget["type"] in {"metric", "log", "text"}
        assert widget["x"] + widget["width"] <= 24
        properties = widget["properties"]
        told = properties.get("query") or properties["metrics"][0][0]["expression"]
        assert "{ApplicationSignals,Environment,RemoteService,Service}" in told or SERVICE_LOG_GROUP in told


@pytest.mark.parametrize("name", POLICIES)
def test_policies_keep_to_the_grammar(name: str) -> None:
    policy = load(name)
    assert set(policy) == {"Version", "Statement"}
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert set(statement) == {"Sid", "Effect", "Action", "Resource"}
        assert re.fullmatch(r"[A-Za-z0-9]+", statement["Sid"])
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            service, _, operation = action.partition(":")
            known = DOORS | INDIRECT
            assert action in known or operation in operations(service).values(), action
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            assert resource == "*" or ARN.fullmatch(resource), resource
    assert len(json.dumps(policy)) < 6144  # AWS's limit for a managed policy, without white space


def actions(*names: str) -> set[str]:
    return {action for name in names for one in load(name)["Statement"] for action in one["Action"]}


def calls(files: list[Path]) -> set[str]:
    """Every AWS call that the code makes: a method called or handed on, or the name of a paginator."""
    found = set()
    for file in files:
        for name in names_in(ast.parse(file.read_text())):
            found |= {f"{one}:{operations(one)[name]}" for one in SERVICES if name in operations(one)}
    return found


def names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if is_call and node.func.attr == "get_paginator" and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


PROVISIONER = ("account/provision.py", "account/account_wide.py")
SHARED = ("readers/transaction_search.py",)


def code(*, provisioner: bool) -> list[Path]:
    root = PROJECT / "threemaps"
    parts = [path for path in root.rglob("*.py") if "standins" not in path.parts]
    own = [path for path in parts if str(path.relative_to(root)) in PROVISIONER]
    both = [path for path in parts if str(path.relative_to(root)) in SHARED]
    return [*own, *both] if provisioner else [path for path in parts if path not in own]


def test_the_provisioner_may_do_what_it_does_and_nothing_else() -> None:
    assert calls(code(provisioner=True)) - FREE - NAMESAKES == actions("iam-provisioner") - INDIRECT


def test_the_reader_may_do_what_it_does_and_nothing_else() -> None:
    assert calls(code(provisioner=False)) - FREE == actions("iam-reader")


def test_only_what_cannot_be_narrowed_is_allowed_on_everything() -> None:
    """AWS has no resource for these; everything else is held to names of ours."""
    everywhere = {
        action
        for name in POLICIES
        for one in load(name)["Statement"]
        if one["Resource"] == "*"
        for action in one["Action"]
    }
    assert {action for action in everywhere if not action.startswith("xray:")} == {
        "application-signals:ListServiceDependencies",
        "application-signals:ListServices",
        "cloudwatch:GetMetricData",
        "cloudwatch:PutMetricData",
        "application-signals:StartDiscovery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:PutResourcePolicy",
    }
    assert {action for action in everywhere if re.search(r":(Create|Delete|Update|Start)", action)} == {
        "application-signals:StartDiscovery",
        "xray:UpdateIndexingRule",
        "xray:UpdateTraceSegmentDestination",
    }
