"""Sampling rules, and the shares of their reservoirs."""

from typing import Any

import pytest

from tests.unit.standins.xray.documents import NOW
from threemaps.standins.xray.sampling import Clients

RULE = {
    "RuleName": "shop",
    "ResourceARN": "*",
    "Priority": 100,
    "FixedRate": 0.25,
    "ReservoirSize": 5,
    "ServiceName": "shop",
    "ServiceType": "*",
    "Host": "*",
    "HTTPMethod": "POST",
    "URLPath": "/order/*",
    "Version": 1,
}


def names(xray: Any) -> list[str]:
    records = xray.get_sampling_rules()["SamplingRuleRecords"]
    return [record["SamplingRule"]["RuleName"] for record in records]


def statistics(rule: str, client: str = "a") -> dict[str, Any]:
    return {
        "RuleName": rule,
        "ClientID": client * 24,
        "Timestamp": NOW,
        "RequestCount": 110,
        "SampledCount": 20,
        "BorrowCount": 10,
    }


def test_the_default_rule_is_always_there(xray: Any) -> None:
    (record,) = xray.get_sampling_rules()["SamplingRuleRecords"]
    rule = record["SamplingRule"]
    assert (rule["RuleName"], rule["Priority"], rule["FixedRate"], rule["ReservoirSize"]) == (
        "Default",
        10000,
        0.05,
        1,
    )
    changed = xray.update_sampling_rule(
        SamplingRuleUpdate={"RuleName": "Default", "FixedRate": 1.0, "ReservoirSize": 50}
    )["SamplingRuleRecord"]["SamplingRule"]
    assert (changed["FixedRate"], changed["ReservoirSize"]) == (1.0, 50)
    assert xray.get_sampling_rules()["SamplingRuleRecords"][0]["SamplingRule"] == changed
    refused = pytest.raises(xray.exceptions.InvalidRequestException)
    with refused:
        xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "Default", "Host": "x"})
    with refused:
        xray.delete_sampling_rule(RuleName="Default")


def test_a_rule_from_its_making_to_its_end(xray: Any) -> None:
    made = xray.create_sampling_rule(SamplingRule=RULE)["SamplingRuleRecord"]
    assert made["SamplingRule"].items() >= RULE.items()
    assert made["SamplingRule"]["RuleARN"].endswith("sampling-rule/shop")
    xray.create_sampling_rule(SamplingRule=RULE | {"RuleName": "first", "Priority": 1})
    assert names(xray) == ["first", "shop", "Default"]
    arn = made["SamplingRule"]["RuleARN"]
    changed = xray.update_sampling_rule(SamplingRuleUpdate={"RuleARN": arn, "FixedRate": 0.5})
    assert changed["SamplingRuleRecord"]["SamplingRule"] == made["SamplingRule"] | {"FixedRate": 0.5}
    assert changed["SamplingRuleRecord"]["ModifiedAt"] >= made["ModifiedAt"]
    gone = xray.delete_sampling_rule(RuleName="shop")["SamplingRuleRecord"]
    assert gone["SamplingRule"]["FixedRate"] == 0.5
    assert names(xray) == ["first", "Default"]
    with pytest.raises(xray.exceptions.InvalidRequestException, match="Rule not found: shop"):
        xray.delete_sampling_rule(RuleName="shop")


@pytest.mark.parametrize(
    "change",
    [
        {"Priority": 10000},
        {"FixedRate": 1.5},
        {"Version": 2},
        {"HTTPMethod": "P" * 11},
        {"RuleARN": "arn:x"},
        {"RuleName": "Default"},
    ],
)
def test_rules_that_are_refused(xray: Any, change: dict[str, Any]) -> None:
    with pytest.raises(xray.exceptions.InvalidRequestException):
        xray.create_sampling_rule(SamplingRule=RULE | change)
    assert names(xray) == ["Default"]


def test_rules_up_to_the_limit(xray: Any) -> None:
    for number in range(25):
        xray.create_sampling_rule(SamplingRule=RULE | {"RuleName": f"rule-{number}"})
    with pytest.raises(xray.exceptions.RuleLimitExceededException):
        xray.create_sampling_rule(SamplingRule=RULE)


def test_targets(xray: Any) -> None:
    xray.create_sampling_rule(SamplingRule=RULE)
    answer = xray.get_sampling_targets(
        SamplingStatisticsDocuments=[statistics("shop"), statistics("Default"), statistics("gone")]
    )
    shop, default = answer["SamplingTargetDocuments"]
    assert (shop["RuleName"], shop["FixedRate"], shop["ReservoirQuota"], shop["Interval"]) == (
        "shop",
        0.25,
        5,
        10,
    )
    assert shop["ReservoirQuotaTTL"].timestamp() > NOW
    assert default["ReservoirQuota"] == 1
    (unprocessed,) = answer["UnprocessedStatistics"]
    assert unprocessed["RuleName"] == "gone"
    modified = xray.get_sampling_rules()["SamplingRuleRecords"][0]["ModifiedAt"]
    assert answer["LastRuleModification"] == modified


def test_clients_share_a_reservoir() -> None:
    clients = Clients()
    assert clients.share("shop", "a", 5, now=100) == 5
    assert clients.share("shop", "b", 5, now=101) == 2
    assert [clients.share("shop", client, 5, now=110) for client in "abc"] == [3, 2, 1]
    assert [clients.share("shop", client, 5, now=111) for client in "abc"] == [2, 2, 1]
    assert [clients.share("shop", client, 5, now=130.5) for client in "a"] == [2]
    assert clients.share("shop", "a", 5, now=140) == 5
    assert clients.share("other", "b", 1, now=140) == 1


def test_what_clients_reported_of_a_rule_is_summed(xray: Any) -> None:
    xray.create_sampling_rule(SamplingRule=RULE)
    assert xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"] == []
    reports = [statistics("shop") | {"RequestCount": 10, "SampledCount": kept} for kept in (1, 2)]
    for report in reports:
        xray.get_sampling_targets(SamplingStatisticsDocuments=[report, statistics("gone")])
    (summary,) = xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"]
    assert (summary["RuleName"], summary["RequestCount"], summary["SampledCount"]) == ("shop", 20, 3)
