"""X-Ray's sampling rules, obeyed by both SDKs, decided where a trace begins: whole traces only."""

from collections import Counter
from typing import Any

import pytest
import requests
from flask import Flask, Response, jsonify, request
from opentelemetry.sdk.trace.sampling import Decision

from tests.component.services.recorder import Recorder
from tests.component.services.running import Services
from tests.component.services.segments import daemon
from tests.conftest import Serve, free_port
from threemaps.demo.health import wait_until
from threemaps.settings import Settings
from threemaps.tracing.environment import service_environment
from threemaps.tracing.sampler import XRayRules, asked_of, from_environment
from threemaps.tracing.sampling_rules import Asked, Rule, fallback, parse, wildcard

REQUESTS = 1000
# Ten in a hundred of a thousand: six standard deviations to either side.
BOUNDS = (43, 157)


MATCHED_BY = ("ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath", "ResourceARN")


def rule(
    name: str = "r", priority: int = 1, rate: float = 0.0, reservoir: int = 0, **more: Any
) -> dict[str, Any]:
    return {
        "RuleName": name,
        "Priority": priority,
        "FixedRate": rate,
        "ReservoirSize": reservoir,
        "Version": 1,
        **dict.fromkeys(MATCHED_BY, "*"),
        **more,
    }


def asked(**more: Any) -> Asked:
    return Asked(**{"service": "users", "method": "GET", "path": "/a/b", "hosts": ("h", "h:80"), **more})


class XRay:
    """X-Ray's two calls, with rules that a test sets."""

    def __init__(self, *rules: dict[str, Any]) -> None:
        self.rules = rules
        self.reports: list[dict[str, Any]] = []
        self.asked = 0

    def app(self) -> Flask:
        app = Flask("xray")
        app.post("/GetSamplingRules")(self._rules)
        app.post("/SamplingTargets")(self._targets)
        return app

    def _rules(self) -> Response:
        self.asked += 1
        return jsonify(SamplingRuleRecords=[{"SamplingRule": rule} for rule in self.rules])

    def _targets(self) -> Response:
        self.reports += request.json["SamplingStatisticsDocuments"]
        rates = {rule["RuleName"]: rule["FixedRate"] for rule in self.rules}
        targets = [{"RuleName": r["RuleName"], "FixedRate": rates[r["RuleName"]]} for r in self.reports]
        return jsonify(SamplingTargetDocuments=targets, LastRuleModification=0.0, UnprocessedStatistics=[])


def send(services: Services, count: int) -> set[str]:
    url = f"{services.edge}/api/users/andrew"
    with requests.Session() as session:
        return {session.get(url).headers["X-Trace-Id"] for _ in range(count)}


def test_opentelemetry_obeys_a_rule_and_tears_no_trace(
    new_services, serve: Serve, recorder: Recorder
) -> None:
    xray = XRay(rule(rate=0.1))
    url = serve(xray.app())
    services = new_services("frontend_api", "users", THREEMAPS_SAMPLING="xray", THREEMAPS_URL_XRAY=url)
    assert wait_until(lambda: xray.asked >= 2, 60)
    ids = send(services, REQUESTS)
    assert len(ids) == REQUESTS
    for name in ("frontend_api", "users"):
        services[name].stop()
    spans = Counter(span.trace_id for span in recorder.spans if span.trace_id in ids)
    assert BOUNDS[0] < len(spans) < BOUNDS[1]
    assert set(spans.values()) == {3}


def test_the_xray_sdk_obeys_the_same_rule(new_services, serve: Serve) -> None:
    xray = XRay(rule(rate=0.1))
    url = serve(xray.app())
    services = new_services(
        "frontend_api",
        "users",
        modes=dict.fromkeys(("frontend_api", "users"), "xray-sdk"),
        THREEMAPS_SAMPLING="xray",
        THREEMAPS_URL_XRAY=url,
    )
    with daemon(int(url.rpartition(":")[2])) as segments:
        # It asks for rules at its first request only, and goes by its own until they are there.
        requests.get(f"{services.edge}/api/users/andrew")
        assert wait_until(lambda: xray.asked > 0, 60)
        assert wait_until(lambda: "Fallback" not in last_line(services), 60)
        ids = send(services, REQUESTS)
        for name in ("frontend_api", "users"):
            services[name].stop()
    xray_ids = {f"1-{trace_id[:8]}-{trace_id[8:]}" for trace_id in ids}
    found = Counter(segment["trace_id"] for segment in segments.segments if segment["trace_id"] in xray_ids)
    assert BOUNDS[0] < len(found) < BOUNDS[1]
    assert set(found.values()) == {2}


def last_line(services: Services) -> str:
    requests.get(f"{services.edge}/api/users/andrew")
    lines = services["frontend_api"].log.read_text().splitlines()
    return " ".join(lines[-3:])


def test_decisions_are_reported_and_targets_taken(serve: Serve) -> None:
    xray = XRay(rule("mine", rate=1.0))
    sampler = XRayRules(serve(xray.app()), "users")
    assert wait_until(lambda: sampled(sampler) and bool(sampler._rules), 60)
    before = 50
    for _ in range(before):
        assert sampled(sampler)
    assert sampler._fetch_targets("me") is False
    (report,) = xray.reports
    assert (report["RuleName"], report["ClientID"]) == ("mine", "me")
    assert report["RequestCount"] == report["SampledCount"] >= before
    xray.rules = (rule("mine", rate=0.0),)
    sampled(sampler)
    sampler._fetch_targets("me")
    assert not sampled(sampler)


def sampled(sampler: XRayRules) -> bool:
    result = sampler.should_sample(None, 1, "GET /", attributes={"url.path": "/"})
    return result.decision is Decision.RECORD_AND_SAMPLE


def test_without_a_proxy_one_a_second_and_five_of_a_hundred(caplog: pytest.LogCaptureFixture) -> None:
    sampler = XRayRules(f"http://127.0.0.1:{free_port()}", "users")
    chosen = sum(sampled(sampler) for _ in range(2000))
    assert 30 < chosen < 200
    assert wait_until(lambda: "one request a second and 5 % of the others" in caplog.text, 60)


def test_a_decision_travels_with_the_trace() -> None:
    assert "ParentBased" in from_environment(f"http://127.0.0.1:{free_port()}").get_description()


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("/api/*", "/API/users", True),
        ("/api/?", "/api/", False),
        ("a.c", "abc", False),
        ("*b*", "abc", True),
        ("[a]", "a", False),
    ],
)
def test_wildcards(pattern: str, text: str, matches: bool) -> None:
    assert bool(wildcard(pattern)(text)) is matches


@pytest.mark.parametrize(
    ("more", "matches"),
    [
        ({}, True),
        ({"ServiceName": "us*"}, True),
        ({"ServiceName": "activities"}, False),
        ({"HTTPMethod": "get"}, True),
        ({"HTTPMethod": "POST"}, False),
        ({"URLPath": "/a/?"}, True),
        ({"URLPath": "/b/*"}, False),
        ({"Host": "h"}, True),
        ({"Host": "h:*"}, True),
        ({"Host": "other"}, False),
        ({"ServiceType": "AWS::EC2::Instance"}, False),
        ({"Attributes": {"tier": "g*"}}, True),
        ({"Attributes": {"tier": "free"}}, False),
        ({"Attributes": {"missing": "x"}}, False),
    ],
)
def test_a_rule_matches_on_all_it_names(more: dict[str, Any], matches: bool) -> None:
    assert Rule(rule(**more)).matches(asked(attributes={"tier": "gold"})) is matches


def test_the_more_important_rule_comes_first_and_foreign_ones_are_left_out() -> None:
    told = [rule("b", 2), rule("a", 1), rule("c", 1, Version=2), rule("d", 1, ResourceARN="arn:aws:x")]
    assert [found.name for found in parse({"SamplingRule": each} for each in told)] == ["a", "b"]


def test_a_reservoir_is_borrowed_from_until_there_is_a_quota() -> None:
    one = Rule(rule(reservoir=5))
    assert [one.sample(100.0 + n / 10) for n in range(4)] == [True, False, False, False]
    one.take_target({"FixedRate": 0.0, "ReservoirQuota": 2, "ReservoirQuotaTTL": 200.0})
    assert [one.sample(101.0 + n / 10) for n in range(4)] == [True, True, False, False]
    assert one.take_report() == {"RequestCount": 8, "SampledCount": 2, "BorrowCount": 1}
    assert one.take_report() is None
    # The quota has run out: one a second again.
    assert [one.sample(201.0 + n / 10) for n in range(3)] == [True, False, False]


def test_a_rule_fetched_again_keeps_what_it_has_counted() -> None:
    (first,) = parse([{"SamplingRule": rule(rate=1.0)}])
    first.sample(1.0)
    (second,) = parse([{"SamplingRule": rule(rate=0.0)}], [first])
    assert second.sample(1.0) is False
    assert second.take_report() == {"RequestCount": 2, "SampledCount": 1, "BorrowCount": 0}


def test_the_fallback_is_xrays_own() -> None:
    assert [fallback().sample(float(n)) for n in range(3)] == [True] * 3


@pytest.mark.parametrize(
    "attributes",
    [
        {"server.address": "h", "server.port": 80, "url.path": "/a/b", "http.request.method": "GET"},
        {"http.host": "h:80", "http.server_name": "h", "http.target": "/a/b?c=d", "http.method": "GET"},
    ],
)
def test_old_and_new_words_for_a_request_mean_the_same(attributes: dict[str, Any]) -> None:
    told = asked_of("users", attributes)
    assert (told.method, told.path, set(told.hosts)) == ("GET", "/a/b", {"h", "h:80"})


def test_everything_is_recorded_unless_asked_otherwise() -> None:
    told = service_environment(Settings.load({"THREEMAPS_ENV_FILE": "/dev/null"}), "users", "otel")
    assert told["OTEL_TRACES_SAMPLER"] == "parentbased_always_on"
