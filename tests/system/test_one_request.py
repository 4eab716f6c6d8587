"""One request through the real services and the real collector, as each backend holds it."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.running import System
from threemaps.demo.health import wait_until
from threemaps.readers.aws import aws_client
from threemaps.readers.honeycomb import configuration_api
from threemaps.readers.honeycomb_refusals import explain_query_refusal
from threemaps.settings import SERVICE_LOG_GROUP

pytestmark = pytest.mark.system

ARRIVES_WITHIN = 60

# service → how many spans of a home request are its own
SPANS = {"frontend_api": 3, "activities": 3, "users": 2}


@pytest.fixture(scope="module")
def trace_id(system: System) -> str:
    answer = requests.get(f"{system.settings.url('frontend_api')}/api/activities/home", timeout=10)
    assert answer.status_code == 200
    return answer.headers["X-Trace-Id"]


def eventually(read: Callable[[], Any], is_whole: Callable[[Any], bool]) -> Any:
    """What is read once it is whole; the last thing that was read if it never is."""
    last: list[Any] = []

    def look() -> bool:
        last[:] = [read()]
        return is_whole(last[0])

    wait_until(look, ARRIVES_WITHIN)
    return last[0]


@pytest.fixture(scope="module")
def spans(system: System, trace_id: str) -> dict[str, dict[str, Any]]:
    """The trace's spans at Honeycomb, by span id."""
    api = configuration_api(system.settings, explain_query_refusal)
    columns = ["trace.span_id", "trace.parent_id", "service.name", "name", "span.kind", "error"]
    columns += ["http.response.status_code", "app.now", "app.result_length"]
    query = {
        "start_time": int(time.time()) - 600,
        "end_time": int(time.time()) + 60,  # cut down to a whole minute
        "breakdowns": columns,
        "calculations": [{"op": "COUNT"}],
        "filters": [{"column": "trace.trace_id", "op": "=", "value": trace_id}],
        "limit": 100,
    }

    def read() -> list[dict[str, Any]]:
        created = api.post("/1/queries/__all__", query)
        result = api.post("/1/query_results/__all__", {"query_id": created["id"], "disable_series": True})
        while not result["complete"]:
            result = api.get(f"/1/query_results/__all__/{result['id']}")
        return [row["data"] for row in result["data"]["results"]]

    # Ten results a minute are all that Honeycomb gives: look first when X-Ray has them.
    eventually(lambda: xray_documents(system, trace_id), lambda found: len(found) == sum(SPANS.values()))
    rows = eventually(read, lambda found: len(found) == sum(SPANS.values()))
    return {row["trace.span_id"]: row for row in rows}


def xray_documents(system: System, trace_id: str) -> dict[str, dict[str, Any]]:
    """Segments and subsegments by id, without those that X-Ray infers."""
    answer = aws_client(system.settings, "xray").batch_get_traces(
        TraceIds=[f"1-{trace_id[:8]}-{trace_id[8:]}"]
    )
    found: dict[str, dict[str, Any]] = {}

    def collect(document: dict[str, Any], service: str, parent: str | None) -> None:
        found[document["id"]] = {**document, "service": service, "parent": document.get("parent_id", parent)}
        for part in document.get("subsegments", []):
            collect(part, service, document["id"])

    for trace in answer["Traces"]:
        for segment in trace["Segments"]:
            document = json.loads(segment["Document"])
            if not document.get("inferred"):
                collect(document, document["name"], None)
    return found


def test_honeycomb_holds_every_span_with_its_service_and_parent(spans: dict[str, dict[str, Any]]) -> None:
    counts = {name: sum(span["service.name"] == name for span in spans.values()) for name in SPANS}
    assert counts == SPANS
    roots = [span for span in spans.values() if not span.get("trace.parent_id")]
    assert [(span["service.name"], span["span.kind"]) for span in roots] == [("frontend_api", "server")]
    assert all(span["trace.parent_id"] in spans for span in spans.values() if span not in roots)
    served = {(s["service.name"], s["name"]) for s in spans.values() if s["span.kind"] == "server"}
    assert ("frontend_api", "GET /api/activities/home") in served
    assert ("activities", "GET /api/activities/home") in served
    statuses = [s["http.response.status_code"] for s in spans.values() if s["span.kind"] == "server"]
    assert statuses == [200] * 4
    assert not any(span.get("error") for span in spans.values())


def test_the_custom_span_carries_its_attributes(spans: dict[str, dict[str, Any]]) -> None:
    [custom] = [span for span in spans.values() if span["name"] == "home-activities-mock-data"]
    assert custom["service.name"] == "activities"
    assert spans[custom["trace.parent_id"]]["name"] == "GET /api/activities/home"
    assert custom["app.now"].startswith("20")
    assert custom["app.result_length"] >= 1


def test_xray_holds_the_same_spans_with_the_same_parents(
    system: System, trace_id: str, spans: dict[str, dict[str, Any]]
) -> None:
    documents = xray_documents(system, trace_id)
    assert documents.keys() == spans.keys()
    for span_id, span in spans.items():
        assert documents[span_id]["parent"] == span.get("trace.parent_id")
        assert documents[span_id]["service"] == span["service.name"]
        assert not documents[span_id].get("fault")
    [custom] = [found for found in documents.values() if found["name"] == "home-activities-mock-data"]
    assert "app.now" in json.dumps(custom)
    assert "app.result_length" in json.dumps(custom)


def test_cloudwatch_holds_log_lines_of_each_service_under_both_forms_of_the_id(
    system: System, trace_id: str, spans: dict[str, dict[str, Any]]
) -> None:
    logs = aws_client(system.settings, "logs")
    for form in (trace_id, f"1-{trace_id[:8]}-{trace_id[8:]}"):

        def read(form: str = form) -> list[dict[str, Any]]:
            found = logs.filter_log_events(logGroupName=SERVICE_LOG_GROUP, filterPattern=f'"{form}"')
            return [json.loads(event["message"]) for event in found["events"]]

        lines = eventually(read, lambda found: {service_of(line) for line in found} == set(SPANS))
        assert {service_of(line) for line in lines} == set(SPANS)
        assert {line["traceId"] for line in lines} == {trace_id}
        assert {line["spanId"] for line in lines} <= spans.keys()


def service_of(line: dict[str, Any]) -> str:
    return str(line["resource"]["attributes"]["service.name"])


def test_the_map_counts_each_call_once(system: System) -> None:
    """Exact, whatever else was sent before: all three agree."""
    sent = 20
    begin = time.time()
    system.ok("traffic", "--requests", str(sent))
    told = system.compare("--since", f"{int(time.time() - begin) + 60}s")
    assert told["agree"], told["differences"]
    calls = {
        name: {(e["source"], e["target"]): e["requests"] for e in found["edges"]}
        for name, found in told["maps"].items()
    }
    edge = ("activities", "users")
    assert calls["honeycomb"][edge] == calls["xray"][edge] == calls["cloudwatch"][edge] >= sent
