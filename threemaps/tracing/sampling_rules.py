"""X-Ray's sampling rules: the first that matches decides, by its reservoir and then its rate. No I/O."""

import random
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

VERSION = 1
DEFAULT_INTERVAL_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is matched by."""

    service: str
    method: str
    path: str
    hosts: tuple[str, ...]  # with and without its port
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Rule:
    """One rule with its share of the reservoir and what it has decided since the last report."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.name = str(fields["RuleName"])
        self.priority = int(fields["Priority"])
        self._rate = float(fields["FixedRate"])
        self._may_borrow = int(fields["ReservoirSize"]) > 0
        self._service = wildcard(fields["ServiceName"])
        self._method = wildcard(fields["HTTPMethod"])
        self._path = wildcard(fields["URLPath"])
        self._host = wildcard(fields["Host"])
        self._service_type = wildcard(fields["ServiceType"])
        attributes = fields.get("Attributes") or {}
        self._attributes = {name: wildcard(pattern) for name, pattern in attributes.items()}
        self._lock = threading.Lock()
        self._quota: int | None = None
        self._quota_ends = 0.0
        self._second = 0
        self._taken = 0
        self.interval = DEFAULT_INTERVAL_SECONDS
        self._requests = self._sampled = self._borrowed = 0

    def matches(self, asked: Asked) -> bool:
        return (
            bool(self._service(asked.service) and self._method(asked.method) and self._path(asked.path))
            and any(self._host(host) for host in asked.hosts or ("",))
            and bool(self._service_type(""))
            and all(
                matches(str(asked.attributes.get(name, ""))) for name, matches in self._attributes.items()
            )
        )

    def sample(self, now: float) -> bool:
        """Takes from the reservoir; without a quota borrows one a second; else goes by the rate."""
        with self._lock:
            self._requests += 1
            if int(now) != self._second:
                self._second, self._taken = int(now), 0
            has_quota = self._quota is not None and now <= self._quota_ends
            limit = (self._quota or 0) if has_quota else int(self._may_borrow)
            if self._taken < limit:
                self._taken += 1
                self._borrowed += not has_quota
                self._sampled += has_quota
                return True
            chosen = random.random() < self._rate  # noqa: S311 - no secret
            self._sampled += chosen
            return chosen

    def take_target(self, target: Mapping[str, Any]) -> None:
        with self._lock:
            self._rate = float(target["FixedRate"])
            if target.get("ReservoirQuota") is not None and target.get("ReservoirQuotaTTL") is not None:
                self._quota = int(target["ReservoirQuota"])
                self._quota_ends = float(target["ReservoirQuotaTTL"])
            self.interval = int(target.get("Interval") or DEFAULT_INTERVAL_SECONDS)

    def take_report(self) -> dict[str, int] | None:
        """What was decided since the last one, counted anew from here; None where there was nothing."""
        with self._lock:
            if not self._requests:
                return None
            counts = {
                "RequestCount": self._requests,
                "SampledCount": self._sampled,
                "BorrowCount": self._borrowed,
            }
            self._requests = self._sampled = self._borrowed = 0
            return counts

    def go_on_from(self, earlier: "Rule") -> None:
        """The same rule, fetched again: its quota and its counts stay."""
        with earlier._lock:
            self._quota, self._quota_ends = earlier._quota, earlier._quota_ends
            self._second, self._taken = earlier._second, earlier._taken
            self._requests, self._sampled = earlier._requests, earlier._sampled
            self._borrowed, self.interval = earlier._borrowed, earlier.interval


def fallback() -> Rule:
    """What X-Ray's SDKs do as long as they have no rules: one request a second, and 5 % of the others."""
    anything = dict.fromkeys(("ServiceName", "HTTPMethod", "URLPath", "Host", "ServiceType"), "*")
    return Rule(
        {"RuleName": "fallback", "Priority": 10_000, "FixedRate": 0.05, "ReservoirSize": 1, **anything}
    )


def parse(records: Iterable[Mapping[str, Any]], earlier: Sequence[Rule] = ()) -> list[Rule]:
    """The rules that can be obeyed here, most important first."""
    known = {rule.name: rule for rule in earlier}
    rules = []
    for record in records:
        fields = record["SamplingRule"]
        if fields.get("Version", VERSION) != VERSION or fields.get("ResourceARN", "*") != "*":
            continue
        rule = Rule(fields)
        if rule.name in known:
            rule.go_on_from(known[rule.name])
        rules.append(rule)
    return sorted(rules, key=lambda rule: (rule.priority, rule.name))


def wildcard(pattern: str) -> Callable[[str], object]:
    """`*` is any text, `?` any one character; case does not matter."""
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(c) or re.escape(c) for c in pattern), re.I | re.S).fullmatch
