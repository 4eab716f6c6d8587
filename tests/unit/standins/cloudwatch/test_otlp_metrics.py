"""Metrics by OTLP, read back by PromQL; and what is refused of either."""

import math
import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from requests import Response

from tests.unit.standins.signed import call, post, reason

DAY = 24 * 3600 * 10**9


def request_of(name: str = "queue.length", *, now: int | None = None, points: int = 1, **labels: str) -> Any:
    """A gauge with the values 1, 2, 3 …, each a second after the other."""
    message = ExportMetricsServiceRequest()
    one = message.resource_metrics.add()
    one.resource.attributes.add(key="service.name").value.string_value = "users"
    scoped = one.scope_metrics.add()
    scoped.scope.name = "app"
    metric = scoped.metrics.add(name=name)
    for number in range(points):
        point = metric.gauge.data_points.add(time_unix_nano=(now or time.time_ns()) + number * 10**9)
        point.as_double = number + 1
        for label, value in labels.items():
            point.attributes.add(key=label).value.string_value = value
    return message


def send(url: str, message: Any, **headers: str) -> Response:
    return post(f"{url}/v1/metrics", "monitoring", message.SerializeToString(), **headers)


def ask(url: str, query: str, path: str = "query", **more: object) -> Any:
    text = urlencode({"query": query, "time": time.time() + 1, **more}, quote_via=quote)
    answer = call("GET", f"{url}/api/v1/{path}?{text}", "monitoring")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    posted = call("POST", f"{url}/api/v1/{path}", "monitoring", text.encode(), **form)
    assert (posted.status_code, posted.json()) == (answer.status_code, answer.json()), "GET and POST differ"
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_a_gauge_is_read_back_with_the_labels_that_aws_gives(url: str) -> None:
    assert send(url, request_of(queue="orders")).content == b""
    answer = ask(url, '{"queue.length"}')
    assert answer["resultType"] == "vector"
    (series,) = answer["result"]
    assert series["value"][1] == "1"
    assert series["metric"] == {
        "__name__": "queue.length",
        "@resource.service.name": "users",
        "@instrumentation.@name": "app",
        "@aws.account": "000000000000",
        "@aws.region": "us-east-1",
        "queue": "orders",
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('{"queue.length"}', ["mails", "orders"]),
        ('{__name__="queue.length"}', ["mails", "orders"]),
        ('{"queue.length", queue="orders"}', ["orders"]),
        ('{"queue.length", "@datapoint.queue"="orders"}', ["orders"]),
        ('{"queue.length", queue!="orders",}', ["mails"]),
        ("{'queue.length', queue=~'ord.*'}", ["orders"]),
        ('{"queue.length", queue!~"ord|.*ers"}', ["mails"]),
        ('{"queue.length", "@resource.service.name"="users", other=""}', ["mails", "orders"]),
        ('{"queue.length", "@resource.service.name"="activities"}', []),
        ("up", ["up"]),
        ('up{queue="up"}', ["up"]),
        ("nothing", []),
    ],
)
def test_selectors_find_series_by_name_and_labels(url: str, query: str, found: list[str]) -> None:
    for queue in ("orders", "mails"):
        send(url, request_of(queue=queue))
    send(url, request_of("up", queue="up"))
    assert sorted(one["metric"]["queue"] for one in ask(url, query)["result"]) == found


def test_a_range_has_the_last_value_before_each_step(url: str) -> None:
    first = time.time_ns() // 10**9 - 3_000
    send(url, request_of(now=first * 10**9, points=3))
    answer = ask(url, '{"queue.length"}', "query_range", start=first - 1, end=first + 400, step="1s")
    (series,) = answer["result"]
    assert series["values"][:4] == [[first, "1"], [first + 1, "2"], [first + 2, "3"], [first + 3, "3"]]
    assert series["values"][-1] == [first + 2 + 299, "3"]


def test_counters_and_histograms_say_their_temporality(url: str) -> None:
    message = request_of()
    metrics = message.resource_metrics[0].scope_metrics[0].metrics
    counter = metrics.add(name="calls", unit="{call}")
    counter.sum.aggregation_temporality = 2
    counter.sum.data_points.add(time_unix_nano=time.time_ns(), as_int=7)
    times = metrics.add(name="times")
    times.histogram.aggregation_temporality = 1
    point = times.histogram.data_points.add(time_unix_nano=time.time_ns(), count=3, sum=4.5)
    point.explicit_bounds.extend((1, 2))
    point.bucket_counts.extend((1, 0, 2))
    finer = metrics.add(name="finer").exponential_histogram
    finer.aggregation_temporality = 1
    point = finer.data_points.add(time_unix_nano=time.time_ns(), count=4, sum=9.0, scale=0, zero_count=1)
    point.positive.offset, point.negative.offset = 1, 0
    point.positive.bucket_counts.extend((2,))
    point.negative.bucket_counts.extend((1,))
    assert send(url, message).status_code == 200
    (calls,) = ask(url, "calls")["result"]
    assert (calls["value"][1], calls["metric"]["__temporality__"]) == ("7", "cumulative")
    (histogram,) = ask(url, "times")["result"]
    assert histogram["metric"]["__temporality__"] == "delta"
    assert histogram["histogram"][1] == {
        "count": "3",
        "sum": "4.5",
        "buckets": [[0, "-Inf", "1.0", "1"], [0, "2.0", "+Inf", "2"]],
    }
    (exponential,) = ask(url, "finer")["result"]
    assert exponential["histogram"][1]["buckets"] == [
        [1, "-2.0", "-1.0", "1"],
        [3, "-0.0", "0.0", "1"],
        [0, "2.0", "4.0", "2"],
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.1, "0.1"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (-0.0, "-0")],
)
def test_every_number_survives(url: str, value: float, shown: str) -> None:
    message = request_of("odd")
    message.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].as_double = value
    assert send(url, message).status_code == 200
    assert ask(url, "odd")["result"][0]["value"][1] == shown


@pytest.mark.parametrize(
    ("message", "status", "words"),
    [
        (request_of(points=1_001), 400, "data points"),
        (request_of(long="x" * 1_025), 400, "1025"),
        (request_of(**{f"label-{number}": "x" for number in range(150)}), 400, "labels"),
        (request_of(now=time.time_ns() - 15 * DAY), 400, "14 days"),
        (request_of(now=time.time_ns() + DAY), 400, "10 minutes"),
        (request_of("x" * 1_048_577), 413, "1048576"),
    ],
)
def test_what_aws_refuses_is_refused_whole(url: str, message: Any, status: int, words: str) -> None:
    good = message.resource_metrics[0].scope_metrics[0].metrics.add(name="good")
    good.gauge.data_points.add(time_unix_nano=time.time_ns())
    answer = send(url, message)
    assert answer.status_code == status, answer.text
    assert words in reason(answer)
    assert ask(url, "good")["result"] == []


@pytest.mark.parametrize(
    ("query", "more", "words"),
    [
        ("", {}, "selector"),
        ("rate(calls[5m])", {}, "selector"),
        ("sum(calls)", {}, "selector"),
        ('{queue="orders"}', {}, "name"),
        ('{"a", "b"}', {}, "name"),
        ('{"a", queue}', {}, "queue"),
        ('{"a", queue=~"("}', {}, "regular"),
        ("a", {"time": "now"}, "time"),
        ("a", {"limit": "501"}, "limit"),
        ("a", {"path": "query_range", "start": 1, "end": 0, "step": 1}, "end"),
        ("a", {"path": "query_range", "start": 0, "end": 1, "step": "soon"}, "step"),
        ("a", {"path": "query_range", "start": 0, "end": 500_000, "step": 1}, "steps"),
    ],
)
def test_questions_that_are_not_answered_say_so(
    url: str, query: str, more: dict[str, Any], words: str
) -> None:
    path = more.pop("path", "query")
    asked = urlencode({"query": query, **more}, quote_via=quote)
    answer = call("GET", f"{url}/api/v1/{path}?{asked}", "monitoring")
    assert answer.status_code == 400
    assert (answer.json()["status"], answer.json()["errorType"]) == ("error", "bad_data")
    assert words in answer.json()["error"]


def test_many_series_are_cut_with_a_warning(url: str) -> None:
    message = request_of("many")
    points = message.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
    for number in range(999):
        points.add(time_unix_nano=time.time_ns()).attributes.add(key="n").value.string_value = str(number)
    assert send(url, message).status_code == 200
    answer = call("GET", f"{url}/api/v1/query?query=many", "monitoring").json()
    assert (len(answer["data"]["result"]), "truncated" in answer["warnings"][0]) == (500, True)
    assert len(ask(url, "many", limit=3)["result"]) == 3
