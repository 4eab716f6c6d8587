"""X-Ray's sampling rules with what each matched and kept, and its groups."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.pages import pages
from threemaps.settings import Settings


@dataclass(frozen=True, slots=True)
class Rule:
    """`matched` and `kept` are those of the last report of the SDKs; None where none reported."""

    name: str
    priority: int
    service: str
    path: str
    rate: float
    reservoir: int
    matched: int | None
    kept: int | None

    def fits(self, services: Collection[str]) -> bool:
        """Whether it can match one of these services at all, as X-Ray compares: in any case, with * and ?."""
        return any(fnmatchcase(name.lower(), self.service.lower()) for name in services)


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    expression: str


def sampling_rules(settings: Settings) -> list[Rule]:
    """In the order in which X-Ray asks them."""
    client = aws_client(settings, "xray")
    with reasons(settings, "X-Ray", "xray:GetSamplingRules"):
        found = pages(client.get_sampling_rules, "NextToken", "X-Ray's list of sampling rules")
        records = [one["SamplingRule"] for page in found for one in page.get("SamplingRuleRecords") or []]
    with reasons(settings, "X-Ray", "xray:GetSamplingStatisticSummaries"):
        found = pages(client.get_sampling_statistic_summaries, "NextToken", "X-Ray's sampling statistics")
        summaries = [one for page in found for one in page.get("SamplingStatisticSummaries") or []]
        summaries.sort(key=lambda one: str(one.get("Timestamp")))
        newest = {str(one.get("RuleName")): one for one in summaries}
        return sorted((_rule(one, newest) for one in records), key=lambda one: (one.priority, one.name))


def _rule(given: Mapping[str, Any], statistics: Mapping[str, Mapping[str, Any]]) -> Rule:
    name = str(given.get("RuleName") or "")
    counted = statistics.get(name)
    kept = None
    if counted is not None:
        kept = int(counted.get("SampledCount") or 0) + int(counted.get("BorrowCount") or 0)
    return Rule(
        name,
        int(given.get("Priority") or 0),
        str(given.get("ServiceName") or "*"),
        str(given.get("URLPath") or "*"),
        float(given.get("FixedRate") or 0.0),
        int(given.get("ReservoirSize") or 0),
        None if counted is None else int(counted.get("RequestCount") or 0),
        kept,
    )


def groups(settings: Settings) -> list[Group]:
    client = aws_client(settings, "xray")
    with reasons(settings, "X-Ray", "xray:GetGroups"):
        found = pages(client.get_groups, "NextToken", "X-Ray's list of groups")
        listed = [one for page in found for one in page.get("Groups") or []]
        return sorted(
            (
                Group(str(one.get("GroupName") or ""), str(one.get("FilterExpression") or ""))
                for one in listed
            ),
            key=lambda one: one.name,
        )
