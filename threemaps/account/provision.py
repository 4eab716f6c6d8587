"""What an AWS account needs for the maps: planned as a difference, made, and taken away again.

The wanted state is in `aws/`, as AWS takes it. Only what has a name from there is ever changed or deleted.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from threemaps.account.account_wide import indexing, transaction_search
from threemaps.account.resource import Change, Properties, Resource
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.pages import pages
from threemaps.settings import PROJECT, Settings

FOLDER = PROJECT / "aws"


def plan(settings: Settings, *, search: bool = False, index_all: bool = False) -> list[Change]:
    """What would be made or changed; with `search` and `index_all` for the whole account. Only reads."""
    wanted = list(resources(settings))
    wanted += transaction_search(settings) if search else []
    wanted += [indexing(settings)] if index_all else []
    return [Change.to_make(resource, found) for resource, found in looked_at(settings, wanted)]


def removal_plan(settings: Settings) -> list[Change]:
    """What would be deleted: what has a name from `aws/`. Only reads."""
    found = looked_at(settings, resources(settings))
    return [Change.to_remove(resource, there) for resource, there in found][::-1]


def looked_at(settings: Settings, wanted: Iterable[Resource]) -> Iterator[tuple[Resource, Properties | None]]:
    for resource in wanted:
        with reasons(settings, resource.kind, resource.permission):
            found = resource.read()
        yield resource, found


def apply(settings: Settings, changes: list[Change]) -> None:
    for one in changes:
        with reasons(settings, one.resource.kind, one.resource.permission):
            one.apply()


def resources(settings: Settings) -> Iterator[Resource]:
    yield group(aws_client(settings, "xray"))
    yield sampling_rule(aws_client(settings, "xray"))
    for wanted in load("log-groups"):
        yield log_group(aws_client(settings, "logs"), wanted)
    for stream in load("log-streams"):
        yield log_stream(aws_client(settings, "logs"), stream)
    yield dashboard(aws_client(settings, "cloudwatch"), settings.aws_region)


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def group(xray: Any) -> Resource:
    wanted = load("xray-group")
    name = wanted["GroupName"]

    def read() -> Properties | None:
        found = pages(xray.get_groups, "NextToken", "the list of groups")
        return next((one for page in found for one in page["Groups"] if one["GroupName"] == name), None)

    return Resource(
        kind="X-Ray group",
        name=name,
        wanted=wanted,
        permission="xray:CreateGroup",
        read=read,
        create=lambda: xray.create_group(**wanted),
        update=lambda: xray.update_group(**wanted),
        delete=lambda: xray.delete_group(GroupName=name),
    )


def sampling_rule(xray: Any) -> Resource:
    wanted = load("xray-sampling-rule")["SamplingRule"]
    name = wanted["RuleName"]
    # AWS takes a version when a rule is made, and none when it is changed.
    update = {key: value for key, value in wanted.items() if key != "Version"}

    def read() -> Properties | None:
        found = pages(xray.get_sampling_rules, "NextToken", "the list of sampling rules")
        rules = (record["SamplingRule"] for page in found for record in page["SamplingRuleRecords"])
        return next((rule for rule in rules if rule.get("RuleName") == name), None)

    return Resource(
        kind="X-Ray sampling rule",
        name=name,
        wanted=wanted,
        permission="xray:CreateSamplingRule",
        read=read,
        create=lambda: xray.create_sampling_rule(SamplingRule=wanted),
        update=lambda: xray.update_sampling_rule(SamplingRuleUpdate=update),
        delete=lambda: xray.delete_sampling_rule(RuleName=name),
    )


def log_group(logs: Any, wanted: Properties) -> Resource:
    name = wanted["logGroupName"]

    def read() -> Properties | None:
        call, what = logs.describe_log_groups, "the list of log groups"
        groups = (
            one
            for page in pages(call, "nextToken", what, logGroupNamePrefix=name)
            for one in page["logGroups"]
        )
        return next((one for one in groups if one["logGroupName"] == name), None)

    def create() -> None:
        logs.create_log_group(logGroupName=name)
        logs.put_retention_policy(**wanted)

    return Resource(
        kind="log group",
        name=name,
        wanted=wanted,
        permission="logs:CreateLogGroup",
        read=read,
        create=create,
        update=lambda: logs.put_retention_policy(**wanted),
        delete=lambda: logs.delete_log_group(logGroupName=name),
    )


def log_stream(logs: Any, wanted: Properties) -> Resource:
    """What the OTLP endpoint for logs writes to, and does not make itself. It goes with its group."""
    group, name = wanted["logGroupName"], wanted["logStreamName"]

    def read() -> Properties | None:
        call, what = logs.describe_log_streams, "the list of log streams"
        asked = {"logGroupName": group, "logStreamNamePrefix": name}
        try:
            found = [one for page in pages(call, "nextToken", what, **asked) for one in page["logStreams"]]
        except logs.exceptions.ResourceNotFoundException:
            return None
        return {**wanted} if any(one["logStreamName"] == name for one in found) else None

    return Resource(
        kind="log stream",
        name=f"{group}:{name}",
        wanted=wanted,
        permission="logs:CreateLogStream",
        read=read,
        create=lambda: logs.create_log_stream(**wanted),
    )


def dashboard(cloudwatch: Any, region: str) -> Resource:
    body = load("dashboard")
    for widget in body["widgets"]:
        widget["properties"]["region"] = region
    name = "threemaps"

    def read() -> Properties | None:
        try:
            answer = cloudwatch.get_dashboard(DashboardName=name)
        except cloudwatch.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in {"ResourceNotFound", "DashboardNotFoundError"}:
                return None
            raise
        return {"widgets": json.loads(answer["DashboardBody"]).get("widgets")}

    def put() -> object:
        return cloudwatch.put_dashboard(DashboardName=name, DashboardBody=json.dumps(body))

    return Resource(
        kind="dashboard",
        name=name,
        wanted={"widgets": body["widgets"]},
        permission="cloudwatch:PutDashboard",
        read=read,
        create=put,
        update=put,
        delete=lambda: cloudwatch.delete_dashboards(DashboardNames=[name]),
    )
