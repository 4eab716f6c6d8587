"""What an AWS account needs for the maps: planned as a difference, made, and taken away again.

The wanted state is in `aws/`, as AWS takes it. Only what has a name from there is ever changed or deleted.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from threemaps.readers.aws import aws_client, reasons
from threemaps.settings import PROJECT, Settings

FOLDER = PROJECT / "aws"
Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing in the account: what it should be, and how AWS reads and changes it."""

    kind: str
    name: str
    wanted: Properties
    permission: str
    read: Callable[[], Properties | None]
    create: Callable[[], object]
    update: Callable[[], object]
    delete: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Change:
    """`sign` is + to make, ~ to change, - to delete, = to leave as it is."""

    sign: str
    resource: Resource
    differences: tuple[tuple[str, Any, Any], ...] = ()  # property, what it is, what it will be

    def apply(self) -> None:
        act = {"+": self.resource.create, "~": self.resource.update, "-": self.resource.delete}
        if self.sign in act:
            act[self.sign]()


def plan(settings: Settings, *, destroy: bool = False) -> list[Change]:
    """Reads what is there. Nothing is changed."""
    changes = []
    for resource in resources(settings):
        with reasons(settings, resource.kind, resource.permission):
            found = resource.read()
        changes.append(removal(resource, found) if destroy else change(resource, found))
    return changes[::-1] if destroy else changes


def change(resource: Resource, found: Properties | None) -> Change:
    if found is None:
        told = tuple((name, None, value) for name, value in resource.wanted.items())
        return Change("+", resource, told)
    wanted = resource.wanted.items()
    told = tuple((name, found.get(name), value) for name, value in wanted if found.get(name) != value)
    return Change("~" if told else "=", resource, told)


def removal(resource: Resource, found: Properties | None) -> Change:
    return Change("=" if found is None else "-", resource)


def apply(settings: Settings, changes: list[Change]) -> None:
    for one in changes:
        with reasons(settings, one.resource.kind, one.resource.permission):
            one.apply()


def resources(settings: Settings) -> Iterator[Resource]:
    yield group(aws_client(settings, "xray"))
    yield sampling_rule(aws_client(settings, "xray"))
    for wanted in load("log-groups"):
        yield log_group(aws_client(settings, "logs"), wanted)
    yield dashboard(aws_client(settings, "cloudwatch"), settings.aws_region)


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def group(xray: Any) -> Resource:
    wanted = load("xray-group")
    name = wanted["GroupName"]

    def read() -> Properties | None:
        pages = pages_of(xray.get_groups, "NextToken")
        return next((one for page in pages for one in page["Groups"] if one["GroupName"] == name), None)

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
        pages = pages_of(xray.get_sampling_rules, "NextToken")
        rules = (record["SamplingRule"] for page in pages for record in page["SamplingRuleRecords"])
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
        pages = pages_of(logs.describe_log_groups, "nextToken", logGroupNamePrefix=name)
        return next((one for page in pages for one in page["logGroups"] if one["logGroupName"] == name), None)

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


def pages_of(call: Callable[..., Any], token: str, **arguments: Any) -> Iterator[Any]:
    """AWS's pages, each naming the next."""
    page = call(**arguments)
    yield page
    while page.get(token):
        page = call(**arguments, **{token: page[token]})
        yield page
