"""Sampling rules, and the shares of their reservoirs that each client gets."""

import threading
import time
from collections import deque
from typing import Any

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.xray.configuration import Configuration, Tags, arn, named
from threemaps.standins.xray.exceptions import invalid
from threemaps.standins.xray.paging import Pages
from threemaps.standins.xray.times import seconds

MAX_RULES = 25
RULES_PER_PAGE = 50
# How often clients report, in seconds, and for how long a share holds.
INTERVAL = 10
SHARE_HOLDS = 300
COUNTED = 3_600  # seconds; what clients reported before is forgotten

LIMITS = {
    "RuleName": 32,
    "ResourceARN": 500,
    "ServiceName": 64,
    "ServiceType": 64,
    "Host": 64,
    "HTTPMethod": 10,
    "URLPath": 128,
}

# Every account has it: one request a second, and five of a hundred of the others.
DEFAULT = {
    "RuleName": "Default",
    "RuleARN": arn("sampling-rule", "Default"),
    "ResourceARN": "*",
    "Priority": 10000,
    "FixedRate": 0.05,
    "ReservoirSize": 1,
    "ServiceName": "*",
    "ServiceType": "*",
    "Host": "*",
    "HTTPMethod": "*",
    "URLPath": "*",
    "Version": 1,
    "Attributes": {},
}
CHANGEABLE_IN_DEFAULT = {"RuleName", "RuleARN", "FixedRate", "ReservoirSize"}


class SamplingRules:
    def __init__(self, configuration: Configuration, tags: Tags) -> None:
        self._configuration = configuration
        self._tags = tags
        self._pages = Pages(RULES_PER_PAGE)
        self._clients = Clients()
        self._counts = Counts()

    def create_sampling_rule(self, request: dict[str, Any]) -> dict[str, Any]:
        rule = {"Attributes": {}} | request["SamplingRule"]
        name = rule.get("RuleName")
        if not name or rule.get("RuleARN"):
            raise invalid("A new sampling rule takes a RuleName, and no RuleARN")
        known = self._records()
        if any(record["SamplingRule"]["RuleName"] == name for record in known):
            raise invalid(f"Sampling rule already exists: {name}")
        if len(known) > MAX_RULES:
            raise AwsError("RuleLimitExceededException", f"There are {MAX_RULES} sampling rules already")
        _check(rule)
        now = time.time()
        record = {
            "SamplingRule": rule | {"RuleARN": arn("sampling-rule", name)},
            "CreatedAt": now,
            "ModifiedAt": now,
        }
        self._configuration.put("rule", name, record)
        self._tags.set(record["SamplingRule"]["RuleARN"], request.get("Tags", []))
        return {"SamplingRuleRecord": record}

    def get_sampling_rules(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._pages.page("SamplingRuleRecords", self._records, request.get("NextToken"))

    def update_sampling_rule(self, request: dict[str, Any]) -> dict[str, Any]:
        change = request["SamplingRuleUpdate"]
        record = self._named(change)
        rule = record["SamplingRule"]
        if rule["RuleName"] == "Default" and not change.keys() <= CHANGEABLE_IN_DEFAULT:
            raise invalid("Only FixedRate and ReservoirSize of the Default rule can be changed")
        changed = rule | change
        _check(changed)
        record = record | {"SamplingRule": changed, "ModifiedAt": time.time()}
        self._configuration.put("rule", changed["RuleName"], record)
        return {"SamplingRuleRecord": record}

    def delete_sampling_rule(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._named(request)
        name = record["SamplingRule"]["RuleName"]
        if name == "Default":
            raise invalid("The Default rule cannot be deleted")
        self._configuration.delete("rule", name)
        self._configuration.delete("tags", record["SamplingRule"]["RuleARN"])
        return {"SamplingRuleRecord": record}

    def get_sampling_targets(self, request: dict[str, Any]) -> dict[str, Any]:
        records = self._records()
        rules = {record["SamplingRule"]["RuleName"]: record["SamplingRule"] for record in records}
        now = time.time()
        targets, unprocessed = [], []
        for document in request["SamplingStatisticsDocuments"]:
            seconds(document, "Timestamp")
            rule = rules.get(document["RuleName"])
            if rule is None:
                unprocessed.append(_unprocessed(document["RuleName"]))
            else:
                targets.append(self._target(rule, document["ClientID"], now))
                self._counts.add(document)
        return {
            "SamplingTargetDocuments": targets,
            "LastRuleModification": max(record["ModifiedAt"] for record in records),
            "UnprocessedStatistics": unprocessed,
        }

    def get_sampling_statistic_summaries(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"SamplingStatisticSummaries": self._counts.summaries(time.time())}

    def _target(self, rule: dict[str, Any], client: str, now: float) -> dict[str, Any]:
        return {
            "RuleName": rule["RuleName"],
            "FixedRate": rule["FixedRate"],
            "ReservoirQuota": self._clients.share(rule["RuleName"], client, rule["ReservoirSize"], now),
            "ReservoirQuotaTTL": now + SHARE_HOLDS,
            "Interval": INTERVAL,
        }

    def _records(self) -> list[dict[str, Any]]:
        """By priority, as clients go through them, the default last."""
        records = self._configuration.all("rule")
        if not any(record["SamplingRule"]["RuleName"] == "Default" for record in records):
            records.append({"SamplingRule": DEFAULT, "CreatedAt": 0.0, "ModifiedAt": 0.0})
        return sorted(records, key=lambda record: record["SamplingRule"]["Priority"])

    def _named(self, request: dict[str, Any]) -> dict[str, Any]:
        records = self._records()
        rule = named([record["SamplingRule"] for record in records], request, "Rule")
        return next(record for record in records if record["SamplingRule"] == rule)


class Clients:
    """Who has reported on a rule of late: they share its reservoir."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, dict[str, float]] = {}

    def share(self, rule: str, client: str, reservoir: int, now: float) -> int:
        """The client's part of so many requests a second; the parts of all add up to the whole."""
        with self._lock:
            recent = {
                known: at for known, at in self._seen.get(rule, {}).items() if at > now - 2 * INTERVAL
            } | {client: now}
            self._seen[rule] = recent
        everyone = sorted(recent)
        each, left = divmod(reservoir, len(everyone))
        return each + (everyone.index(client) < left)


class Counts:
    """What clients have reported of each rule, summed over the last interval that X-Ray reports."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reports: deque[dict[str, Any]] = deque()

    def add(self, document: dict[str, Any]) -> None:
        with self._lock:
            self._reports.append(document | {"Timestamp": time.time()})

    def summaries(self, now: float) -> list[dict[str, Any]]:
        with self._lock:
            while self._reports and self._reports[0]["Timestamp"] < now - COUNTED:
                self._reports.popleft()
            reports = list(self._reports)
        found: dict[str, dict[str, Any]] = {}
        for report in reports:
            summary = found.setdefault(report["RuleName"], {"RuleName": report["RuleName"], "Timestamp": now})
            for name in ("RequestCount", "BorrowCount", "SampledCount"):
                summary[name] = summary.get(name, 0) + (report.get(name) or 0)
        return list(found.values())


def _check(rule: dict[str, Any]) -> None:
    is_default = rule["RuleName"] == "Default"
    if not is_default and not 1 <= rule["Priority"] <= 9999:
        raise invalid(f"Priority must be from 1 to 9999, not {rule['Priority']}")
    if not 0 <= rule["FixedRate"] <= 1:
        raise invalid(f"FixedRate must be from 0 to 1, not {rule['FixedRate']}")
    if rule["ReservoirSize"] < 0:
        raise invalid(f"ReservoirSize must not be negative, but is {rule['ReservoirSize']}")
    if rule["Version"] != 1:
        raise invalid(f"Version must be 1, not {rule['Version']}")
    for name, limit in LIMITS.items():
        if len(rule[name]) > limit:
            raise invalid(f"{name} has {len(rule[name])} characters, more than {limit}")


def _unprocessed(rule: str) -> dict[str, Any]:
    return {"RuleName": rule, "ErrorCode": "RuleNotFound", "Message": f"Sampling rule not found: {rule}"}
