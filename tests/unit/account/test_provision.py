"""Provisioning an account: planned, made once, repaired, and taken away without touching anything else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Serve
from threemaps.account.account_wide import left_to_do
from threemaps.account.provision import apply, plan, removal_plan
from threemaps.account.resource import Change
from threemaps.errors import UserError
from threemaps.readers.aws import aws_client
from threemaps.readers.transaction_search import indexed_percentage
from threemaps.settings import Settings
from threemaps.standins import aws
from threemaps.standins.store import Store

CLI = str(Path(sys.executable).with_name("threemaps"))


def signs(changes: list[Change]) -> str:
    return "".join(change.sign for change in changes)


def provision(account: Settings, *, destroy: bool = False) -> list[Change]:
    changes = removal_plan(account) if destroy else plan(account)
    apply(account, changes)
    return changes


def test_everything_is_made_once(account: Settings) -> None:
    assert signs(provision(account)) == "+++++"
    assert signs(provision(account)) == "====="
    rules = aws_client(account, "xray").get_sampling_rules()["SamplingRuleRecords"]
    rule = next(one["SamplingRule"] for one in rules if one["SamplingRule"]["RuleName"] == "threemaps")
    assert (rule["FixedRate"], rule["ReservoirSize"], rule["Priority"]) == (0.1, 5, 9000)
    body = aws_client(account, "cloudwatch").get_dashboard(DashboardName="threemaps")["DashboardBody"]
    assert len(json.loads(body)["widgets"]) == 3


def test_a_plan_changes_nothing(account: Settings) -> None:
    assert signs(plan(account)) == signs(plan(account)) == "+++++"


def test_what_drifted_is_put_right(account: Settings) -> None:
    provision(account)
    xray, logs = aws_client(account, "xray"), aws_client(account, "logs")
    xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "threemaps", "FixedRate": 0.5})
    xray.update_group(GroupName="threemaps", FilterExpression="responsetime > 5")
    logs.put_retention_policy(logGroupName="/threemaps/services", retentionInDays=30)
    changes = provision(account)
    assert signs(changes) == "~~~=="
    assert changes[1].differences == (("FixedRate", 0.5, 0.1),)
    assert signs(plan(account)) == "====="


def test_a_log_group_that_the_collector_made_gets_its_retention(account: Settings) -> None:
    logs = aws_client(account, "logs")
    logs.create_log_group(logGroupName="/threemaps/services")
    assert signs(provision(account)) == "++~++"
    group = logs.describe_log_groups(logGroupNamePrefix="/threemaps/services")["logGroups"][0]
    assert group["retentionInDays"] == 7


def test_destroying_removes_only_its_own(account: Settings) -> None:
    xray, logs = aws_client(account, "xray"), aws_client(account, "logs")
    cloudwatch = aws_client(account, "cloudwatch")
    xray.create_group(GroupName="theirs", FilterExpression="responsetime > 1")
    logs.create_log_group(logGroupName="/threemaps/services-of-theirs")
    cloudwatch.put_dashboard(DashboardName="theirs", DashboardBody='{"widgets": []}')
    before = signs(plan(account))
    provision(account)
    assert signs(provision(account, destroy=True)) == "-=---"
    assert signs(provision(account, destroy=True)) == "====="
    assert signs(plan(account)) == before
    assert "theirs" in {group["GroupName"] for group in xray.get_groups()["Groups"]}
    names = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    assert names == ["/threemaps/services-of-theirs"]
    assert cloudwatch.get_dashboard(DashboardName="theirs")


@pytest.fixture
def unsearched(tmp_path: Path, serve: Serve) -> Iterator[Settings]:
    """An account without Transaction Search."""
    store = Store(tmp_path / "unsearched.duckdb", aws.SCHEMA)
    url = serve(aws.Aws(store, {"THREEMAPS_AWS_TRANSACTION_SEARCH": "off"}))
    yield Settings.load({"THREEMAPS_URL_AWS": url, "THREEMAPS_ENV_FILE": "/dev/null"})
    store.close()


def test_what_is_account_wide_is_done_when_asked(unsearched: Settings) -> None:
    apply(unsearched, plan(unsearched))
    [left] = left_to_do(unsearched)
    assert left.endswith("threemaps provision --transaction-search")
    asked = plan(unsearched, search=True)[5:]
    kinds = [(one.sign, one.resource.kind) for one in asked]
    assert kinds == [("+", "log resource policy"), ("~", "trace segment destination"), ("+", "discovery")]
    apply(unsearched, asked)
    assert left_to_do(unsearched) == []
    [policy] = aws_client(unsearched, "logs").describe_resource_policies()["resourcePolicies"]
    assert "xray.amazonaws.com" in policy["policyDocument"]
    assert signs(plan(unsearched, search=True)[5:]) == "=+"  # nobody tells whether discovery was started


def test_indexing_is_raised_when_asked_and_never_taken_back(account: Settings) -> None:
    xray = aws_client(account, "xray")
    xray.update_indexing_rule(Name="Default", Rule={"Probabilistic": {"DesiredSamplingPercentage": 1}})
    [left] = left_to_do(account)
    assert "X-Ray indexes 1 %" in left
    apply(account, plan(account, index_all=True))
    assert left_to_do(account) == []
    apply(account, removal_plan(account))
    assert indexed_percentage(account) == 100


def test_nothing_account_wide_is_taken_back(account: Settings) -> None:
    answer = run(account, "--destroy", "--transaction-search")
    assert answer.returncode == 2
    assert "takes back nothing account-wide" in answer.stderr


def run(account: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **account.environ}
    return subprocess.run([CLI, "provision", *words], env=environ, capture_output=True, text=True)


def test_the_command_shows_the_difference(account: Settings) -> None:
    dry = run(account, "--dry-run")
    assert dry.returncode == 0
    assert "+ X-Ray sampling rule threemaps\n" in dry.stdout
    assert "    FixedRate: 0.1\n" in dry.stdout
    assert dry.stdout.endswith("would be: 5 made in us-east-1\n")
    assert run(account).stdout.endswith("5 made in us-east-1\n")
    aws_client(account, "xray").update_sampling_rule(
        SamplingRuleUpdate={"RuleName": "threemaps", "FixedRate": 0.5}
    )
    assert "~ X-Ray sampling rule threemaps\n    FixedRate: 0.5 → 0.1\n" in run(account, "--dry-run").stdout
    assert run(account, "--destroy").stdout.endswith("4 deleted in us-east-1\n")
    assert run(account, "--destroy").stdout.endswith("nothing to change in us-east-1\n")


def test_no_account_is_said_in_two_lines() -> None:
    account = Settings.load({"THREEMAPS_URL_AWS": "http://127.0.0.1:9", "THREEMAPS_ENV_FILE": "/dev/null"})
    with pytest.raises(UserError, match="could not be reached"):
        plan(account)
    answer = run(account)
    assert answer.returncode == 2
    assert answer.stderr.startswith("threemaps: X-Ray group at http://127.0.0.1:9 could not be reached")
    assert len(answer.stderr.strip().splitlines()) == 2
