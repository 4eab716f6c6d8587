"""Logs Insights: queries over what was put."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.standins.cloudwatch.conftest import Group, Put
from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch.insights.commands import Query

Rows = list[dict[str, str]]
# The first minute of some hour, some days ago.
NOW = time.time_ns() // 1_000_000
HOUR = NOW - NOW % 3_600_000 - 3_600_000

REQUESTS: list[dict[str, Any]] = [
    {"service": "users", "ms": 10, "status": 200, "http": {"route": "/a"}, "ok": True},
    {"service": "users", "ms": 20, "status": 200, "http": {"route": "/b"}, "ok": True},
    {"service": "users", "ms": 90, "status": 500, "http": {"route": "/a"}, "ok": False, "error": "Timeout"},
    {"service": "activities", "ms": 30, "status": 404, "service.name": "dotted", "tags": ["x", "y"]},
]


def run(logs: Any, group: Group, query: str, **arguments: Any) -> Rows:
    found = results(logs, group, query, **arguments)["results"]
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in found]


def results(logs: Any, group: Group, query: str, **arguments: Any) -> dict[str, Any]:
    times = {"startTime": HOUR // 1000, "endTime": HOUR // 1000 + 3600}
    name = logs.start_query(logGroupName=group[0], queryString=query, **times | arguments)["queryId"]
    answer: dict[str, Any] = logs.get_query_results(queryId=name)
    assert answer["status"] == "Complete"
    return answer


@pytest.fixture
def requests(put: Put) -> None:
    put(*REQUESTS, start=HOUR)
    put("plain text of user=ann, took 12 ms", start=HOUR + 60_000)


@pytest.mark.usefixtures("requests")
@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("fields ms | sort ms desc | limit 2", [{"ms": "90"}, {"ms": "30"}]),
        ("fields ms, http.route as route | filter status = 500", [{"ms": "90", "route": "/a"}]),
        ("filter ms > 10 and ms < 90 | fields ms | sort ms", [{"ms": "20"}, {"ms": "30"}]),
        ("filter ms >= 90 or ms <= 10 | fields ms | sort ms", [{"ms": "10"}, {"ms": "90"}]),
        ("filter status in [404, 500] | fields ms | sort ms", [{"ms": "30"}, {"ms": "90"}]),
        ('filter service in ["activities"] | fields ms', [{"ms": "30"}]),
        ("filter service not in ['users'] and ispresent(ms) | fields ms", [{"ms": "30"}]),
        ("filter not (status = 200) and ispresent(ms) | fields ms | sort ms", [{"ms": "30"}, {"ms": "90"}]),
        ("filter service like /^act.*s$/ | fields ms", [{"ms": "30"}]),
        ("filter service like /(?i)ACT/ | fields ms", [{"ms": "30"}]),
        ("filter service =~ /ivit/ | fields ms", [{"ms": "30"}]),
        ('filter service like "ivit" | fields ms', [{"ms": "30"}]),
        ("filter @message not like /users|activ/ | fields @message", [
            {"@message": "plain text of user=ann, took 12 ms"}
        ]),
        ("filter service != 'users' and ispresent(service) | fields ms", [{"ms": "30"}]),
        ("filter error = 'Timeout' | fields ok", [{"ok": "0"}]),
        ("filter ok = true | stats count(*) as n", [{"n": "2"}]),
        ("filter `service.name` = 'dotted' | fields service.name, tags.1", [
            {"service.name": "dotted", "tags.1": "y"}
        ]),
        ("filter ms = 90 | fields ms / 60 as mins, ms * 2 + 1 as more", [{"mins": "1.5", "more": "181"}]),
        ("filter ms = 90 | fields (ms + 10) % 30 as rest, 2 ^ 3 as power, -ms as less", [
            {"rest": "10", "power": "8", "less": "-90"}
        ]),
        ("filter ms = 90 | fields strlen(error) as n, toupper(error) as up, concat(error, '-', ms) as both", [
            {"n": "7", "up": "TIMEOUT", "both": "Timeout-90"}
        ]),
        ("filter ms = 90 | fields coalesce(missing, error) as e, substr(error, 4) as out, abs(-1) as one", [
            {"e": "Timeout", "out": "out", "one": "1"}
        ]),
        ("stats count(*) by service | sort service | display service", [
            {}, {"service": "activities"}, {"service": "users"}
        ]),
        ("filter ispresent(service) | stats count(*) as n, avg(ms) by service | sort n desc", [
            {"service": "users", "n": "3", "avg(ms)": "40"},
            {"service": "activities", "n": "1", "avg(ms)": "30"},
        ]),
        ("stats sum(ms), min(ms), max(ms), count(ms), count_distinct(service) as services", [
            {"sum(ms)": "150", "min(ms)": "10", "max(ms)": "90", "count(ms)": "4", "services": "2"}
        ]),
        ("stats pct(ms, 50) as p50, pct(ms, 99) as p99, median(ms) as m, stddev(ms)", [
            {"p50": "20", "p99": "90", "m": "20", "stddev(ms)": "31.1247"}
        ]),
        ("stats latest(ms) as last, earliest(ms) as first", [{"last": "30", "first": "10"}]),
        ("filter status = 9 | stats count(*), sum(ms), avg(ms)", [{"count(*)": "0", "sum(ms)": "0"}]),
        ("stats count(*) by service | sort count(*) desc | limit 1", [{"service": "users", "count(*)": "3"}]),
        ("stats avg(ms) as mean by status, service | sort mean desc | limit 1", [
            {"status": "500", "service": "users", "mean": "90"}
        ]),
        ("parse 'user=*, took * ms' as user, t | filter ispresent(user) | fields user, t + 1 as later", [
            {"user": "ann", "later": "13"}
        ]),
        ("parse @message /user=(?<who>\\w+)/ | filter ispresent(who) | display who", [{"who": "ann"}]),
        ("parse service 'us*' as rest | stats count(*) as n by rest | filter rest = 'ers'", [
            {"rest": "ers", "n": "3"}
        ]),
        ("fields service | filter ispresent(service) | dedup service | sort service", [
            {"service": "activities"}, {"service": "users"}
        ]),
        ("# what was slow\nfilter ms > 50 # very slow\n| fields ms", [{"ms": "90"}]),
        ("FIELDS ms | FILTER ms = 10 | LIMIT 5", [{"ms": "10"}]),
        ("stats sum(ms) / count(ms) as mean, max(ms) as most, most - mean as above", [
            {"mean": "37.5", "most": "90", "above": "52.5"}
        ]),
        ("stats (max(ms) - min(ms)) * 2 as twice by service | sort by twice desc | limit 1", [
            {"service": "users", "twice": "160"}
        ]),
        ("stats 100 * sum(status >= 500) / count(*) by service | sort count(*) desc | limit 1", [
            {"service": "users", "100 * sum(status >= 500) / count(*)": "33.3333"}
        ]),
        ("stats avg(abs(ms)) by service | sort avg(abs(ms)) desc | limit 1", [
            {"service": "users", "avg(abs(ms))": "40"}
        ]),
        ("stats sortsFirst(service) as a, sortsLast(service) as z, percentile(ms, 50) as p", [
            {"a": "activities", "z": "users", "p": "20"}
        ]),
        ("filter ms = 90 | fields now() * 1000 > toMillis(@timestamp) as past", [{"past": "1"}]),
        ("filter service == 'activities' | fields ms # in milliseconds", [{"ms": "30"}]),
        ("fields error | dedup error | limit 9", [{}, {}, {"error": "Timeout"}, {}, {}]),
    ],
)  # fmt: skip
def test_a_query_has_known_answers(logs: Any, group: Group, query: str, rows: Rows) -> None:
    assert run(logs, group, query) == rows


@pytest.mark.usefixtures("requests")
def test_without_columns_a_query_gives_times_and_messages_newest_first(logs: Any, group: Group) -> None:
    rows = run(logs, group, "limit 2")
    assert [row.keys() for row in rows] == [{"@timestamp", "@message"}] * 2
    assert rows[0]["@message"].startswith("plain text")
    assert rows[0]["@timestamp"].endswith(":01:00.000")


@pytest.mark.usefixtures("requests")
def test_times_are_put_into_bins(logs: Any, group: Group) -> None:
    rows = run(logs, group, "stats count(*) as n by bin(1m) as minute | sort minute")
    assert [(row["minute"][-9:], row["n"]) for row in rows] == [("00:00.000", "4"), ("01:00.000", "1")]
    for period in ("1h", "60 min", "3600000 msec"):
        assert [row["n"] for row in run(logs, group, f"stats count(*) as n by bin({period})")] == ["5"]


@pytest.mark.usefixtures("requests")
def test_a_row_points_to_its_log_record(logs: Any, group: Group) -> None:
    row = results(logs, group, "filter ms = 90")["results"][0]
    pointer = next(cell["value"] for cell in row if cell["field"] == "@ptr")
    record = logs.get_log_record(logRecordPointer=pointer)["logRecord"]
    assert record["http.route"] == "/a"
    assert record["@logStream"] == group[1]
    assert record["@timestamp"] == str(HOUR + 2)


@pytest.mark.usefixtures("requests")
def test_a_query_tells_what_it_went_through(logs: Any, group: Group) -> None:
    told = results(logs, group, "filter ms > 50")["statistics"]
    assert (told["recordsMatched"], told["recordsScanned"], told["logGroupsScanned"]) == (1, 5, 1)
    assert results(logs, group, "filter ms > 15 | stats count(*)")["statistics"]["recordsMatched"] == 3


@pytest.mark.usefixtures("requests")
def test_only_the_range_of_time_counts(logs: Any, group: Group) -> None:
    query = "stats count(*) as n"
    in_seconds = {"startTime": HOUR // 1000, "endTime": HOUR // 1000}
    assert run(logs, group, query, **in_seconds) == [{"n": "4"}]
    assert run(logs, group, query, startTime=HOUR + 1, endTime=HOUR + 2) == [{"n": "2"}]


@pytest.mark.usefixtures("requests")
def test_results_come_in_pages(logs: Any, group: Group) -> None:
    name = logs.start_query(
        logGroupNames=[group[0]], startTime=HOUR, endTime=HOUR + 9, queryString="fields ms", limit=3
    )["queryId"]
    first = logs.get_query_results(queryId=name, maxItems=2)
    second = logs.get_query_results(queryId=name, maxItems=2, nextToken=first["nextToken"])
    assert [len(page["results"]) for page in (first, second)] == [2, 1]
    assert "nextToken" not in second


def test_a_number_is_shown_as_it_was_logged_and_what_is_reckoned_has_four_digits(
    logs: Any, group: Group, put: Put
) -> None:
    put({"ms": 0.123456}, {"ms": 2.0}, start=HOUR)
    assert run(logs, group, "fields ms | sort ms") == [{"ms": "0.123456"}, {"ms": "2"}]
    row = {"least": "0.123456", "mean": "1.0617", "half": "0.0617"}
    assert run(logs, group, "stats min(ms) as least, avg(ms) as mean, min(ms) / 2 as half") == [row]


def test_a_sort_has_the_order_of_awss_own_example(logs: Any, group: Group, put: Put) -> None:
    texts = ("!:", "#", "*%04", "0#", "5A", "111A", "2345_", "@", "@_", "A", "A9876fghj", "a12345hfh")
    ordered = [*texts, "0", "01", "1", "2", "3"]
    put(*({"v": value} for value in sorted(ordered)), start=HOUR)
    assert [row["v"] for row in run(logs, group, "fields v | sort v")] == ordered
    assert [row["v"] for row in run(logs, group, "fields v | sort v desc")] == ordered[::-1]
    ends = run(logs, group, "stats sortsFirst(v) as f, sortsLast(v) as l, min(v) as least, max(v) as most")
    assert ends == [{"f": "!:", "l": "3", "least": "0", "most": "3"}]


def test_a_sort_finds_the_first_of_many(logs: Any, group: Group, put: Put) -> None:
    for part in range(3):
        put(*({"n": number} for number in range(part, 24_000, 3)), start=HOUR)
    assert run(logs, group, "fields n | sort n | limit 3") == [{"n": "0"}, {"n": "1"}, {"n": "2"}]
    assert run(logs, group, "fields n | sort n desc | limit 2") == [{"n": "23999"}, {"n": "23998"}]


def test_a_query_gives_10000_results_unless_it_asks_for_more(logs: Any, group: Group, put: Put) -> None:
    for part in range(2):
        put(*({"n": number} for number in range(part, 12_000, 2)), start=HOUR)

    def found(query: str, **arguments: Any) -> float:
        return results(logs, group, query, **arguments)["statistics"]["recordsMatched"]

    assert found("fields n | sort n") == 10_000
    assert found("fields n | sort n | limit 11000") == 11_000
    assert found("fields n | sort n", limit=20_000) == 12_000


def test_queries_are_listed_and_over_when_asked_to_stop(logs: Any, group: Group) -> None:
    name = logs.start_query(logGroupName=group[0], startTime=0, endTime=NOW, queryString="fields a")[
        "queryId"
    ]
    (told,) = logs.describe_queries(logGroupName=group[0])["queries"]
    assert (told["queryId"], told["queryString"], told["status"]) == (name, "fields a", "Complete")
    assert logs.describe_queries(logGroupName=group[0], status="Running")["queries"] == []
    with pytest.raises(logs.exceptions.InvalidParameterException, match="not running"):
        logs.stop_query(queryId=name)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "select 1",
        "fields",
        "fields a,",
        "fields a b",
        "filter",
        "filter a =",
        "filter a like 3",
        "filter a not 3",
        "filter a like /(/",
        "filter (a = 1",
        "filter a in 1",
        "filter 'open",
        "stats",
        "stats count(",
        "stats nothing(a)",
        "stats pct(a, 200)",
        "stats pct(a)",
        "stats a",
        "stats count(*) as n, a",
        "stats sum(count(a))",
        "stats count(*) by bin(0m)",
        "stats count(*) by bin(5 parsecs)",
        "sort",
        "limit",
        "limit 0",
        "limit 100001",
        "parse @message",
        "parse @message 'a*b' as x, y",
        "fields abs()",
        "fields abs(1, 2)",
        "fields unknown(1)",
        "fields a |",
        "filter " + "(" * 500 + "a" + ")" * 500,
        "filter " + "-" * 5000 + "a",
    ],
)
def test_what_is_no_query_is_refused_with_a_reason(logs: Any, group: Group, query: str) -> None:
    with pytest.raises(logs.exceptions.MalformedQueryException, match="unexpected symbol found"):
        logs.start_query(logGroupName=group[0], startTime=0, endTime=NOW, queryString=query)


def test_a_query_needs_groups_that_are_there_and_a_time_that_runs_forward(logs: Any, group: Group) -> None:
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.start_query(logGroupName="/nowhere", startTime=0, endTime=1, queryString="fields a")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="logGroupName"):
        logs.start_query(startTime=0, endTime=1, queryString="fields a")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="before start time"):
        logs.start_query(logGroupName=group[0], startTime=5, endTime=1, queryString="fields a")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.get_query_results(queryId="made-up")


WORDS = (
    *(
        "fields",
        "filter",
        "stats",
        "sort",
        "parse",
        "limit",
        "|",
        "(",
        ")",
        "[",
        "]",
        ",",
        "count(*)",
        "bin(5m)",
    ),
    *(
        "by",
        "as",
        "and",
        "not",
        "in",
        "like",
        "=",
        "/a/",
        "'a*'",
        "1",
        "-",
        "/",
        "^",
        "@message",
        "a.b",
        "`",
        "#",
    ),
)


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join)))
def test_any_text_is_a_query_or_refused(query: str) -> None:
    try:
        known = Query(query, None).columns()
    except AwsError as error:
        known = [error.code]
    assert known
