"""Relational fields, against a search by hand through trees that nobody prepared."""

import time
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.standins.honeycomb.conftest import CONFIGURATION, INGEST, PLENTY, PROTOBUF
from tests.unit.standins.honeycomb.spans import Call, request_of
from tests.unit.standins.honeycomb.test_dependencies import SERVICES, call_trees, true_edges
from threemaps.standins.honeycomb.urls import SCHEMA, create_app
from threemaps.standins.store import Store

Related = Callable[[list[Call], Call], list[Call]]


def asked(calls: list[Call], *, times: int = 1, **query: object) -> list[dict[str, object]]:
    store = Store(":memory:", SCHEMA)
    client = create_app(store, limits=PLENTY).test_client()
    for _ in range(times):
        body = request_of(calls).SerializeToString()
        assert client.post("/v1/traces", data=body, headers=INGEST | PROTOBUF).status_code == 200
    window = {"time_range": 3600, "end_time": int(time.time()) + 60}
    made = client.post("/1/queries/__all__", json={**query, **window}, headers=CONFIGURATION)
    assert made.status_code == 200, made.text
    options = {"query_id": made.get_json()["id"], "disable_series": True, "limit": 10_000}
    run = client.post("/1/query_results/__all__", json=options, headers=CONFIGURATION)
    result = client.get(run.headers["Location"], headers=CONFIGURATION).get_json()
    store.close()
    return [row["data"] for row in result["data"]["results"]]


def of_trace(calls: list[Call], span: Call) -> list[Call]:
    return [one for one in calls if one.trace == span.trace]


RELATED: dict[str, Related] = {
    "parent": lambda calls, span: [one for one in of_trace(calls, span) if one.id == span.parent],
    "child": lambda calls, span: [one for one in of_trace(calls, span) if one.parent == span.id],
    "root": lambda calls, span: [one for one in of_trace(calls, span) if not one.parent],
    "any": of_trace,
    "any3": of_trace,
}


@settings(max_examples=15)
@given(calls=call_trees(), times=st.integers(1, 2))
def test_the_map_is_a_query(calls: list[Call], times: int) -> None:
    rows = asked(
        calls,
        times=times,
        breakdowns=["parent.service.name", "service.name"],
        filters=[{"column": "parent.service.name", "op": "exists"}],
        limit=1000,
    )
    found = {(row["parent.service.name"], row["service.name"]): row["COUNT"] for row in rows}
    assert {pair: count for pair, count in found.items() if pair[0] != pair[1]} == true_edges(calls)


@pytest.mark.parametrize("relation", RELATED)
@settings(max_examples=8)
@given(calls=call_trees(), service=st.sampled_from(SERVICES), kind=st.sampled_from(("server", "client")))
def test_a_filter_asks_one_related_span(relation: str, calls: list[Call], service: str, kind: str) -> None:
    def fits(one: Call) -> bool:
        return (one.service, one.kind) == (service, {"server": 2, "client": 3}[kind])

    rows = asked(
        calls,
        breakdowns=["trace.span_id"],
        filters=[
            {"column": f"{relation}.service.name", "op": "=", "value": service},
            {"column": f"{relation}.span.kind", "op": "=", "value": kind},
        ],
    )
    wanted = {span.id for span in calls if any(map(fits, RELATED[relation](calls, span)))}
    assert {int(str(row["trace.span_id"]), 16) for row in rows} == wanted


@settings(max_examples=8)
@given(calls=call_trees(), service=st.sampled_from(SERVICES))
def test_none_is_that_no_span_of_the_trace_fits(calls: list[Call], service: str) -> None:
    rows = asked(
        calls,
        breakdowns=["service.name"],
        filters=[{"column": "none.service.name", "op": "=", "value": service}],
    )
    without = [span for span in calls if all(one.service != service for one in of_trace(calls, span))]
    assert {row["service.name"]: row["COUNT"] for row in rows} == Counter(one.service for one in without)


@settings(max_examples=8)
@given(calls=call_trees())
def test_spans_are_grouped_by_their_root(calls: list[Call]) -> None:
    rows = asked(calls, breakdowns=["root.service.name"])
    roots = Counter(RELATED["root"](calls, span)[0].service for span in calls)
    assert {row["root.service.name"]: row["COUNT"] for row in rows} == roots
