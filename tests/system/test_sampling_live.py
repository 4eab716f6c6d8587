"""Rules of 10 % in X-Ray, obeyed through the collector by both SDKs at once; traces stay whole."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import requests

from tests.running import System
from threemaps.demo.health import wait_until
from threemaps.readers.arrivals import honeycomb_spans
from threemaps.readers.aws import aws_client

pytestmark = [pytest.mark.system, pytest.mark.long]

REQUESTS = 1000
# Ten in a hundred of a thousand: six standard deviations to either side.
BOUNDS = range(43, 158)
# The SDKs report what they decided every 10 s.
REPORTS_WITHIN = 40
ARRIVES_WITHIN = 20


@dataclass(frozen=True)
class Root:
    """Where a trace begins, how the service there is traced, and which services a whole trace has."""

    service: str
    mode: str
    path: str
    whole: frozenset[str]

    @property
    def rule(self) -> str:
        return f"ten-of-{self.service}"


ROOTS = (
    Root("frontend_api", "otel", "/api/users/andrew", frozenset({"frontend_api", "users"})),
    Root("activities", "xray-sdk", "/api/activities/home", frozenset({"activities", "users"})),
)


def ten_percent(root: Root) -> dict[str, Any]:
    anything = dict.fromkeys(("ResourceARN", "ServiceType", "Host", "HTTPMethod", "URLPath"), "*")
    limits = {"Priority": 1, "FixedRate": 0.1, "ReservoirSize": 0, "Version": 1}
    return {"RuleName": root.rule, "ServiceName": root.service, **anything, **limits}


@pytest.fixture(scope="module")
def sampled(new_system: Callable[..., System]) -> System:
    system = new_system(THREEMAPS_SAMPLING="xray")
    system.up("--tracing", ",".join(["otel", *(f"{root.service}={root.mode}" for root in ROOTS)]))
    system.ok("provision")
    for root in ROOTS:
        aws_client(system.settings, "xray").create_sampling_rule(SamplingRule=ten_percent(root))
    return system


@pytest.fixture(scope="module")
def sent(sampled: System) -> dict[Root, set[str]]:
    """The ids of a thousand traces from each root, sent once its SDK goes by the rule."""

    def goes_by_the_rules() -> bool:
        for root in ROOTS:
            send(sampled, root, 1)
        return {root.rule for root in ROOTS} <= reported(sampled)

    assert wait_until(goes_by_the_rules, REPORTS_WITHIN), reported(sampled)
    with ThreadPoolExecutor() as pool:
        ids = pool.map(lambda root: send(sampled, root, REQUESTS), ROOTS)
        return dict(zip(ROOTS, ids, strict=True))


def send(system: System, root: Root, count: int) -> set[str]:
    url = system.settings.url(root.service) + root.path
    with requests.Session() as session:
        return {session.get(url, timeout=30).headers["X-Trace-Id"] for _ in range(count)}


def reported(system: System) -> set[str]:
    summaries = aws_client(system.settings, "xray").get_sampling_statistic_summaries()
    return {one["RuleName"] for one in summaries["SamplingStatisticSummaries"]}


def services_by_trace(system: System, ids: set[str]) -> dict[str, set[str]]:
    """Who sent a segment of each of these traces, as X-Ray holds them."""
    client = aws_client(system.settings, "xray")
    now = datetime.now(UTC)
    pages = client.get_paginator("get_trace_summaries").paginate(
        StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(seconds=5)
    )
    wanted = {f"1-{one[:8]}-{one[8:]}" for one in ids}
    held = [one["Id"] for page in pages for one in page["TraceSummaries"] if one["Id"] in wanted]
    calls = [held[start : start + 5] for start in range(0, len(held), 5)]
    traces = [trace for call in calls for trace in client.batch_get_traces(TraceIds=call)["Traces"]]
    return {trace["Id"]: services_of(trace) for trace in traces}


def services_of(trace: Any) -> set[str]:
    documents = [orjson.loads(segment["Document"]) for segment in trace["Segments"]]
    return {document["name"] for document in documents if not document.get("inferred")}


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.mode)
def test_ten_percent_are_kept_and_each_trace_is_whole(
    sampled: System, sent: dict[Root, set[str]], root: Root
) -> None:
    assert len(sent[root]) == REQUESTS
    found: dict[str, set[str]] = {}

    def all_whole() -> bool:
        found.clear()
        found.update(services_by_trace(sampled, sent[root]))
        return len(found) in BOUNDS and all(services == root.whole for services in found.values())

    assert wait_until(all_whole, ARRIVES_WITHIN), (len(found), [s for s in found.values() if s != root.whole])


def test_the_maps_agree_and_name_the_share(sampled: System, sent: dict[Root, set[str]]) -> None:
    done = sampled.run("compare", "--format", "json", "--since", "10m")
    assert done.returncode == 0, done.stdout + done.stderr
    for root in ROOTS:
        said = re.search(rf"X-Ray sampling rule {root.rule} keeps (\d+)% of the calls", done.stderr)
        assert said, done.stderr
        assert 0 < int(said[1]) < 30
    calls = {
        backend: {edge["target"]: edge["requests"] for edge in told["edges"] if edge["source"] == "outside"}
        for backend, told in orjson.loads(done.stdout)["maps"].items()
    }
    assert calls["xray"] == calls["cloudwatch"]
    assert set(calls["xray"]) == {root.service for root in ROOTS}
    assert all(count in BOUNDS for count in calls["xray"].values())


def test_what_is_left_out_reaches_no_backend(sampled: System, sent: dict[Root, set[str]]) -> None:
    [root] = [one for one in ROOTS if one.mode == "otel"]
    held = {one.replace("-", "")[1:] for one in services_by_trace(sampled, sent[root])}
    since = int(time.time()) - 600
    assert honeycomb_spans(sampled.settings, sorted(held)[:20], since) == 3 * 20
    assert honeycomb_spans(sampled.settings, sorted(sent[root] - held)[:200], since) == 0
