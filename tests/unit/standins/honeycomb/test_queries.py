"""The Query Data API on events with known answers."""

import time
from typing import Any

import pytest

from tests.unit.standins.honeycomb.conftest import Client
from threemaps.standins.honeycomb.query_run import granularity, window
from threemaps.standins.honeycomb.query_spec import parse_query

EVENTS = [
    {"service.name": "web", "name": "home", "duration_ms": 10, "status": 200, "user": "ann"},
    {"service.name": "web", "name": "home", "duration_ms": 20, "status": 200, "user": "bob"},
    {"service.name": "web", "name": "search", "duration_ms": 30, "status": 500, "user": "ann", "error": True},
    {"service.name": "api", "name": "list", "duration_ms": 40, "status": 404},
]


@pytest.fixture
def events(honeycomb: Client) -> Client:
    assert honeycomb.send_json("/1/batch/shop", [{"data": event} for event in EVENTS]).status_code == 200
    return honeycomb


def one(client: Client, op: str, column: str | None = None, **body: Any) -> Any:
    calculation = {"op": op, "column": column}
    (row,) = client.results("shop", calculations=[calculation], **body)
    (value,) = row.values()
    return value


@pytest.mark.parametrize(
    ("op", "column", "value"),
    [
        ("COUNT", None, 4),
        ("COUNT_DISTINCT", "user", 2),
        ("COUNT_DISTINCT", "name", 3),
        ("SUM", "duration_ms", 100),
        ("AVG", "duration_ms", 25),
        ("AVG", "status", 326),
        ("MIN", "duration_ms", 10),
        ("MAX", "status", 500),
        ("MAX", "user", None),
        ("SUM", "unheard-of", None),
        ("P50", "duration_ms", 25),
        ("P001", "duration_ms", pytest.approx(10.03)),
        ("P999", "duration_ms", pytest.approx(39.97)),
    ],
)
def test_calculations(events: Client, op: str, column: str | None, value: Any) -> None:
    assert one(events, op, column) == value


@pytest.mark.parametrize(
    ("op", "column", "value", "count"),
    [
        ("=", "name", "home", 2),
        ("=", "status", 200, 2),
        ("=", "status", "200", 2),
        ("=", "error", True, 1),
        ("!=", "name", "home", 2),
        ("!=", "user", "ann", 2),  # a missing value is another value
        (">", "duration_ms", 20, 2),
        (">=", "duration_ms", 20, 3),
        ("<", "status", 404, 2),
        ("<=", "status", 404, 3),
        (">", "name", "home", 2),
        ("starts-with", "name", "s", 1),
        ("does-not-start-with", "name", "s", 3),
        ("ends-with", "name", "e", 2),
        ("does-not-end-with", "user", "n", 2),
        ("contains", "name", "%", 0),
        ("contains", "name", "is", 1),
        ("does-not-contain", "user", "nn", 2),
        ("exists", "user", None, 3),
        ("does-not-exist", "user", None, 1),
        ("in", "name", ["home", "list"], 3),
        ("in", "status", [404, 500], 2),
        ("not-in", "user", ["ann"], 2),
        ("=", "name", "'; DROP TABLE events; --", 0),
    ],
)
def test_filters(events: Client, op: str, column: str, value: Any, count: int) -> None:
    assert one(events, "COUNT", filters=[{"op": op, "column": column, "value": value}]) == count


def test_filters_are_all_or_any(events: Client) -> None:
    filters = [
        {"op": "=", "column": "name", "value": "home"},
        {"op": ">", "column": "duration_ms", "value": 15},
    ]
    assert one(events, "COUNT", filters=filters) == 1
    assert one(events, "COUNT", filters=filters, filter_combination="OR") == 4


def test_breakdowns_orders_havings_and_limits(events: Client) -> None:
    body: dict[str, Any] = {
        "breakdowns": ["service.name", "user"],
        "calculations": [{"op": "COUNT"}, {"op": "MAX", "column": "duration_ms"}],
    }
    assert events.results("shop", **body) == [
        {"service.name": "web", "user": "ann", "COUNT": 2, "MAX(duration_ms)": 30},
        {"service.name": "api", "user": None, "COUNT": 1, "MAX(duration_ms)": 40},
        {"service.name": "web", "user": "bob", "COUNT": 1, "MAX(duration_ms)": 20},
    ]
    order = {"op": "MAX", "column": "duration_ms", "order": "descending"}
    users = [row["user"] for row in events.results("shop", **body, orders=[order])]
    assert users == [None, "ann", "bob"]
    by_user = events.results("shop", **body, orders=[{"column": "user"}], limit=2)
    assert [row["user"] for row in by_user] == ["ann", "bob"]
    having = {"calculate_op": "MAX", "column": "duration_ms", "op": "<", "value": 35}
    assert [row["user"] for row in events.results("shop", **body, havings=[having])] == ["ann", "bob"]


def test_a_heatmaps_cells_share_their_buckets(events: Client) -> None:
    body = {"breakdowns": ["service.name"], "calculations": [{"op": "HEATMAP", "column": "duration_ms"}]}
    rows = {row["service.name"]: row["HEATMAP(duration_ms)"] for row in events.results("shop", **body)}
    assert [cell["count"] for cell in rows["web"]] == [1, 1, 1]
    assert rows["web"][0]["min"] == 10
    assert (rows["api"][0]["max"], rows["api"][0]["count"]) == (pytest.approx(40), 1)
    assert one(events, "HEATMAP", "unheard-of") == []


def test_an_event_counts_as_often_as_its_sample_rate_says(honeycomb: Client) -> None:
    rated = [("a", 200, 10), ("a", 1100, 10), ("a", 5, 1), ("b", 7, 3), ("b", 400, 4), ("b", None, 9)]
    now = int(time.time())
    sampled = [{"time": now, "data": {"k": k, "ms": ms}, "samplerate": rate} for k, ms, rate in rated]
    whole = [{"time": now, "data": {"k": k, "ms": ms}} for k, ms, rate in rated for _ in range(rate)]
    assert honeycomb.send_json("/1/batch/whole", whole).status_code == 200
    ops = ("COUNT", "SUM", "AVG", "P25", "P50", "P90", "P999", "HEATMAP", "MAX")
    body: dict[str, Any] = {
        "breakdowns": ["k"],
        "calculations": [{"op": op, "column": None if op == "COUNT" else "ms"} for op in ops],
        "run": {"disable_series": False, "disable_total_by_aggregate": False},
    }
    expected = honeycomb.query("whole", **body)
    assert honeycomb.send_json("/1/batch/sampled", sampled).status_code == 200
    found = honeycomb.query("sampled", **body)
    for part in ("results", "series"):
        assert [_rounded(each["data"]) for each in found[part]] == [
            _rounded(each["data"]) for each in expected[part]
        ]
    assert _rounded(found["total_by_aggregate"]["data"]) == _rounded(expected["total_by_aggregate"]["data"])


def _rounded(data: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 9) if isinstance(value, float) else value for name, value in data.items()}


def test_a_series_has_a_point_a_step_of_the_shown_groups(honeycomb: Client) -> None:
    start = int(time.time()) // 3600 * 3600 - 7200
    batch = [
        {"time": start + 60 * minute + 1, "data": {"service.name": name}}
        for minute in (0, 0, 1, 5)
        for name in ("a", "b")
    ]
    honeycomb.send_json("/1/batch/shop", [*batch, {"time": start + 1, "data": {"service.name": "b"}}])
    data = honeycomb.query(
        "shop",
        breakdowns=["service.name"],
        start_time=start,
        end_time=start + 600,
        granularity=60,
        limit=1,
        run={"disable_series": False, "disable_total_by_aggregate": False},
    )
    assert [row["data"] for row in data["results"]] == [{"service.name": "b", "COUNT": 5}]
    assert data["total_by_aggregate"] == {"data": {"COUNT": 9}}
    begins = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start + 60 * minute)) for minute in (0, 1, 5)]
    assert [(point["time"], point["data"]["COUNT"]) for point in data["series"]] == list(
        zip(begins, [3, 1, 1], strict=True)
    )


def test_one_trace_is_a_query(honeycomb: Client) -> None:
    spans = [
        {"service.name": "a", "name": "root", "trace.span_id": "1", "duration_ms": 9.5},
        {"service.name": "b", "name": "leaf", "trace.span_id": "2", "trace.parent_id": "1", "duration_ms": 2},
    ]
    honeycomb.send_json("/1/batch/any", [{"data": {"trace.trace_id": "t", **span}} for span in spans * 2])
    breakdowns = ["trace.span_id", "trace.parent_id", "name", "service.name", "duration_ms"]
    rows = honeycomb.results(
        breakdowns=breakdowns,
        filters=[{"column": "trace.trace_id", "op": "=", "value": "t"}],
        orders=[{"column": "trace.span_id"}],
        limit=1000,
    )
    assert [tuple(row[name] for name in breakdowns) for row in rows] == [
        ("1", None, "root", "a", 9.5),
        ("2", "1", "leaf", "b", 2.0),
    ]
    assert [row["COUNT"] for row in rows] == [1, 1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"calculations": [{"op": "MEDIAN", "column": "a"}]}, "calculations[0].op"),
        ({"calculations": [{"op": "SUM"}]}, "calculations[0].column"),
        ({"calculations": [{"op": "CONCURRENCY"}]}, "calculations[0].op"),
        ({"calculations": "COUNT"}, "calculations"),
        ({"calculations": [{"op": "COUNT"}] * 101}, "calculations"),
        ({"breakdowns": [7]}, "breakdowns[0]"),
        ({"filters": [{"op": "~", "column": "a"}]}, "filters[0].op"),
        ({"filters": [{"op": "=", "column": "a"}]}, "filters[0].value"),
        ({"filters": [{"op": "=", "column": "a", "value": {}}]}, "filters[0].value"),
        ({"filters": [{"op": "in", "column": "a", "value": [[]]}]}, "filters[0].value"),
        ({"filter_combination": "XOR"}, "filter_combination"),
        ({"orders": [{"column": "a"}]}, "orders[0]"),
        ({"orders": [{"op": "COUNT", "order": "sideways"}]}, "orders[0].order"),
        ({"havings": [{"calculate_op": "SUM", "column": "a", "op": ">"}]}, "havings[0].calculate_op"),
        ({"havings": [{"calculate_op": "COUNT", "op": "in"}]}, "havings[0].op"),
        (
            {"calculations": [{"op": "COUNT", "filters": [{"op": "exists", "column": "a"}]}]},
            "calculations[0].filters",
        ),
        ({"breakdowns": ["none.name"]}, "breakdowns[0]"),
        ({"calculations": [{"op": "SUM", "column": "parent.duration_ms"}]}, "calculations[0].column"),
        ({"formulas": [{"name": "a", "expression": "1"}], "breakdowns": ["root.name"]}, "formulas"),
        (
            {
                "breakdowns": ["root.name"],
                "filters": [{"op": "exists", "column": "a"}],
                "filter_combination": "OR",
            },
            "filter_combination",
        ),
        ({"limit": 1_001}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"time_range": 600, "granularity": 601}, "granularity"),
        ({"start_time": 2, "end_time": 1}, "start_time"),
        ({"start_time": 1, "end_time": 2, "time_range": 3}, "time_range"),
        ({"calculated_fields": [{"name": "x", "expression": "1"}]}, "calculated_fields"),
    ],
)
def test_a_wrong_query_is_told_which_field(honeycomb: Client, body: dict[str, Any], field: str) -> None:
    answer = honeycomb.post("/1/queries/__all__", body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type_detail"][0]["field"] == field


def test_what_does_not_exist(events: Client) -> None:
    assert events.post("/1/queries/nowhere", {}).json()["error"] == "Dataset not found"
    assert events.post("/1/query_results/shop", {"query_id": "abc"}).status_code == 404
    assert events.post("/1/query_results/shop", {}).status_code == 422
    query = events.post("/1/queries/shop", {}).json()
    assert events.get(f"/1/queries/shop/{query['id']}").json() == query
    assert events.get(f"/1/queries/__all__/{query['id']}").status_code == 404
    assert events.get("/1/query_results/shop/abc").status_code == 404


@pytest.mark.parametrize(
    ("body", "cut"),
    [
        ({"start_time": 1_000_012, "end_time": 1_000_312}, (999_960, 1_000_260)),
        ({"start_time": 1_000_012, "time_range": 86_400}, (999_900, 1_086_300)),
        ({"end_time": 1_000_312, "time_range": 259_200}, (739_800, 999_000)),
        ({"time_range": 600}, (1_999_380, 1_999_980)),
    ],
)
def test_a_range_is_cut_to_whole_steps(body: dict[str, int], cut: tuple[int, int]) -> None:
    assert window(parse_query(body), now=2_000_000.5) == cut


def test_no_range_of_more_than_seven_days(honeycomb: Client) -> None:
    query = honeycomb.post("/1/queries/__all__", {"time_range": 7 * 86_400 + 1}).json()
    assert honeycomb.post("/1/query_results/__all__", {"query_id": query["id"]}).status_code == 400


def test_granularity_gives_some_hundred_points() -> None:
    assert [granularity(length) for length in (60, 600, 3_600, 86_400, 604_800)] == [1, 5, 30, 900, 7_200]
