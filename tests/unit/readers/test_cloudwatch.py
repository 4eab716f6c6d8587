"""CloudWatch's reader: Application Signals' lists and metrics, else the spans in aws/spans."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Serve
from tests.unit.compare.maps import a_map, node
from tests.unit.readers.conftest import Vendor, json, real_at, settings_at, text
from tests.unit.readers.signals import HOUR, NOON, FakeAws, Row, span
from threemaps.model.difference import Window
from threemaps.model.servicemap import ServiceMap
from threemaps.readers.base import UnreadableError
from threemaps.readers.cloudwatch import CloudWatch

MINUTE = timedelta(minutes=1)
WINDOW = Window(NOON, NOON + 15 * MINUTE)

TRIANGLE = (
    Row("web", calls=40, ms=50),
    Row("web", "api", calls=40, faults=2, ms=20),
    Row("web", "users", calls=40, operation="GET /home"),
    Row("web", "users", calls=3, operation="GET /me"),
    Row("api", calls=40, faults=2),
    Row("api", "users", calls=40),
    Row("users", calls=83),
)
DRAWN = ("(outside)>web 40 0", "web>api 40 2", "web>users 43 0", "api>users 40 0")


@pytest.fixture
def reader(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CloudWatch]:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)

    def of(aws: FakeAws | Vendor, *, real: bool = False) -> CloudWatch:
        url = serve(aws.app)
        return CloudWatch.of(real_at(url) if real else settings_at(url))

    return of


Reader = Callable[..., CloudWatch]


def counts(found: ServiceMap) -> ServiceMap:
    from dataclasses import replace

    return found.map_edges(lambda edge: replace(edge, mean_ms=None, p95_ms=None))


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("empty_pages", [True, False])
def test_an_edge_is_the_sum_of_its_rows(reader: Reader, wide: bool, empty_pages: bool) -> None:
    cloudwatch = reader(FakeAws(TRIANGLE, wide=wide, empty_pages=empty_pages))
    assert counts(cloudwatch.read_map(WINDOW)) == a_map(*DRAWN)
    assert cloudwatch.read_through == "application-signals"
    assert cloudwatch.remarks == ()
    assert cloudwatch.own == {node("web"): (40, 0), node("api"): (40, 2), node("users"): (83, 0)}


def test_latencies(reader: Reader) -> None:
    found = reader(FakeAws(TRIANGLE)).read_map(WINDOW)
    assert [found.edge(node("web"), node("api")).mean_ms, found.edge(node("web"), node("api")).p95_ms] == [
        20,
        20,
    ]
    assert found.edge(node("(outside)"), node("web")).mean_ms == 50


def test_few_calls_and_whole_hours(reader: Reader) -> None:
    aws = FakeAws(TRIANGLE, empty_pages=False, page=1000)
    reader(aws).read_map(Window(NOON + 40 * MINUTE, NOON + 55 * MINUTE))
    assert [len(aws.asked(one)) for one in ("ListServices", "ListServiceDependencies")] == [1, 3]
    assert [len(aws.asked("GetMetricData"))] == [1]
    [asked] = aws.asked("ListServices")
    hours = [datetime.fromisoformat(asked[name]) for name in ("StartTime", "EndTime")]
    assert hours == [NOON, NOON + HOUR]


def test_five_hundred_questions_a_call(reader: Reader) -> None:
    rows = [Row("hub", f"leaf-{number}", calls=number + 1) for number in range(200)]
    served = [Row(f"leaf-{number}", calls=number + 1) for number in range(200)]
    aws = FakeAws([*rows, *served], empty_pages=False, page=1000, wide=False)
    found = reader(aws).read_map(WINDOW)
    assert found.edge(node("hub"), node("leaf-199")).requests == 200
    assert [len(one["MetricDataQueries"]) for one in aws.asked("GetMetricData")][:-1] == [500, 500, 500]


def test_a_window_is_cut_to_whole_minutes(reader: Reader) -> None:
    rows = [Row("web", calls=number + 1, minute=NOON + number * MINUTE) for number in range(6)]
    cloudwatch = reader(FakeAws(rows))
    window = Window(NOON + 1.5 * MINUTE, NOON + 3.2 * MINUTE)
    assert cloudwatch.covers(window) == Window(NOON + MINUTE, NOON + 4 * MINUTE)
    assert counts(cloudwatch.read_map(window)) == a_map("(outside)>web 9 0")


def test_what_happened_in_another_minute_of_the_hour_is_not_drawn(reader: Reader) -> None:
    rows = [*TRIANGLE, Row("old", "web", minute=NOON + 30 * MINUTE), Row("old", minute=NOON + 30 * MINUTE)]
    assert counts(reader(FakeAws(rows)).read_map(WINDOW)) == a_map(*DRAWN)


def test_callers_from_outside_beside_callers_in_the_map(reader: Reader) -> None:
    rows = [*TRIANGLE[:-1], Row("users", calls=90, faults=1)]
    found = reader(FakeAws(rows)).read_map(WINDOW)
    edge = found.edge(node("(outside)"), node("users"))
    assert (edge.requests, edge.errors, edge.mean_ms) == (7, 1, None)


def test_a_callee_without_calls_of_its_own_is_a_remote(reader: Reader) -> None:
    """The lists still know the service from earlier in the hour."""
    rows = [
        Row("web", calls=4),
        Row("web", "users", calls=4, faults=4),
        Row("users", calls=9, minute=NOON + 30 * MINUTE),
        Row("web", "db:5432", calls=2, remote_type="RemoteService"),
    ]
    found = counts(reader(FakeAws(rows)).read_map(WINDOW))
    assert found == a_map("(outside)>web 4 0", "web>users! 4 4", "web>db:5432! 2 0")


def test_a_callee_that_was_down_for_a_part(reader: Reader) -> None:
    rows = [Row("web", calls=4), Row("web", "users", calls=4, faults=3), Row("users", calls=1)]
    cloudwatch = reader(FakeAws(rows))
    assert counts(cloudwatch.read_map(WINDOW)) == a_map("(outside)>web 4 0", "web>users 4 3")
    [remark] = cloudwatch.remarks
    assert "Callers saw more faults than users had" in remark
    assert "no log group aws/spans" in remark


def test_spans_tell_which_calls_did_not_get_there(reader: Reader) -> None:
    """Of three calls of web's two did not get there, and users has one from outside: sums would hide it."""
    rows = [
        Row("web", calls=3),
        Row("web", "users", calls=3, faults=2),
        Row("users", calls=2),
    ]
    spans = [
        *(span(number, 1, 0, "web", "SERVER") for number in (1, 2, 3)),
        *(span(number, 2, 1, "web", "CLIENT", failed=True, peer_service="users") for number in (1, 2)),
        span(3, 2, 1, "web", "CLIENT", peer_service="users"),
        span(3, 3, 2, "users", "SERVER"),
        span(4, 1, 0, "users", "SERVER"),
    ]
    cloudwatch = reader(FakeAws(rows, spans=spans))
    wanted = a_map("(outside)>web 3 0", "web>users 3 2", "(outside)>users 1 0")
    assert counts(cloudwatch.read_map(WINDOW)) == wanted
    assert cloudwatch.read_through == "spans"


def test_a_resource_of_a_callee_is_counted_once(reader: Reader) -> None:
    """The set without the resource counts the calls with it, too."""
    rows = [
        Row("web", calls=4),
        Row("web", "s3", calls=3, resource="bucket", remote_type="RemoteService"),
        Row("web", "s3", calls=2, remote_type="RemoteService"),
    ]
    for wide in (True, False):
        assert counts(reader(FakeAws(rows, wide=wide)).read_map(WINDOW)) == a_map(
            "(outside)>web 4 0", "web>s3! 5 0"
        )


def test_one_name_in_two_environments_is_one_node(reader: Reader) -> None:
    rows = [
        Row("web", calls=4, environment="ec2:default"),
        Row("web", "users", calls=4, environment="ec2:default"),
        Row("web", calls=2),
        Row("web", "users", calls=2),
        Row("users", calls=6),
    ]
    assert counts(reader(FakeAws(rows)).read_map(WINDOW)) == a_map("(outside)>web 6 0", "web>users 6 0")


def test_addresses_are_looked_up_in_the_traces(reader: Reader) -> None:
    rows = [
        Row("web", calls=4),
        Row("web", "10.0.0.7:8002", calls=4, remote_type="RemoteService"),
        Row("web", "10.0.0.9:5432", calls=1, remote_type="RemoteService"),
        Row("users", calls=4),
    ]
    trace = [
        {
            "id": "a",
            "name": "web",
            "trace_id": "1-00000000-000000000000000000000001",
            "subsegments": [
                {
                    "id": "b",
                    "name": "GET",
                    "namespace": "remote",
                    "http": {"request": {"url": "http://10.0.0.7:8002/u"}},
                },
                {"id": "c", "name": "10.0.0.9:5432", "namespace": "remote"},
            ],
        },
        {"id": "d", "name": "users", "parent_id": "b", "trace_id": "1-00000000-000000000000000000000001"},
    ]
    aws = FakeAws(rows, traces=[trace])
    cloudwatch = reader(aws)
    wanted = a_map("(outside)>web 4 0", "web>users 4 0", "web>10.0.0.9:5432! 1 0")
    assert counts(cloudwatch.read_map(WINDOW)) == wanted
    [remark] = cloudwatch.remarks
    assert "10.0.0.7:8002 is users" in remark
    before = len(aws.calls)
    assert counts(cloudwatch.read_map(WINDOW)) == wanted
    assert "BatchGetTraces" not in [name for name, _ in aws.calls[before:]]  # remembered


def message(trace: int, sender: str, reader: str) -> list[dict[str, Any]]:
    """A message that one service sends and another one reads, as X-Ray gives it: the call comes alone."""
    own, queue = f"1-00000000-{trace:024x}", {"metadata": {"default": {"messaging.system": "kafka"}}}
    call = {"id": "b", "name": "kafka", "type": "subsegment", "parent_id": "a", "namespace": "remote"}
    return [
        {"id": "a", "name": sender, "trace_id": own},
        {**call, "trace_id": own, **queue},
        {"id": "d", "name": reader, "parent_id": "b", "trace_id": own, **queue},
    ]


def test_a_reader_of_messages_does_not_call_itself(reader: Reader) -> None:
    """Application Signals counts its span as a call of the queue, which nobody answers."""
    rows = [Row("web"), Row("web", "kafka"), Row("mail"), Row("mail", "kafka")]
    cloudwatch = reader(FakeAws(rows, traces=[message(1, "web", "mail")]))
    wanted = a_map("(outside)>web 1 0", "web>mail 1 0", "mail>kafka! 1 0")
    assert counts(cloudwatch.read_map(WINDOW)) == wanted


def test_a_queue_that_a_service_reads_and_sends_to_is_no_one_callee(reader: Reader) -> None:
    """The figures of its calls and of what it read are one: nobody draws them as calls of a service."""
    rows = [Row("web", calls=2), Row("web", "kafka", calls=2), Row("mail"), Row("mail", "kafka")]
    aws = FakeAws(rows, traces=[message(1, "web", "mail"), message(2, "job", "web")])
    cloudwatch = reader(aws)
    cloudwatch.read_map(WINDOW)
    assert "One name stands for several services: kafka (kafka, mail)" in "".join(cloudwatch.remarks)


SPANS = (
    span(1, 1, 0, "web", "SERVER", ms=50),
    span(1, 2, 1, "web", "CLIENT", ms=20, status=500, peer_service="users"),
    span(1, 3, 2, "users", "SERVER", ms=10, status=500),
    span(1, 4, 1, "web", "CLIENT", ms=5, failed=True, server_address="db", server_port=5432),
    span(1, 5, 1, "web", "INTERNAL"),
    span(2, 1, 0, "web", "SERVER", ms=50, status=404, failed=True),
    span(2, 1, 0, "web", "SERVER", ms=50, status=404, failed=True),
)
FROM_SPANS = ("(outside)>web 2 0", "web>users 1 1", "web>db:5432! 1 1")


@pytest.mark.parametrize(
    "rows", [(), (Row("tenant", calls=5), Row("tenant", "s3", calls=2, remote_type="AWS::Service"))]
)
def test_spans_where_the_services_are_not_listed(reader: Reader, rows: tuple[Row, ...]) -> None:
    """Other applications of the account are listed, or nothing is."""
    cloudwatch = reader(FakeAws(rows, spans=SPANS))
    assert counts(cloudwatch.read_map(WINDOW)) == a_map(*FROM_SPANS)
    assert cloudwatch.read_through == "spans"
    [remark] = cloudwatch.remarks
    assert "does not list users, web" in remark
    assert "aws/spans" in remark
    assert cloudwatch.own == {node("web"): (2, 0), node("users"): (1, 1)}
    assert cloudwatch.read_map(WINDOW).edge(node("web"), node("users")).p95_ms == 20


def test_spans_are_not_read_where_all_are_listed(reader: Reader) -> None:
    cloudwatch = reader(FakeAws(TRIANGLE, spans=[span(1, 1, 0, "web", "SERVER")]))
    assert counts(cloudwatch.read_map(WINDOW)) == a_map(*DRAWN)
    assert cloudwatch.read_through == "application-signals"


def test_ends_of_a_call_on_both_sides_of_the_windows_start(reader: Reader) -> None:
    """The callee's span ended before the window, the caller's in it."""
    spans = [
        span(1, 1, 0, "web", "SERVER"),
        span(1, 2, 1, "web", "CLIENT", peer_service="users"),
        span(1, 3, 2, "users", "SERVER", at=NOON - timedelta(seconds=1)),
    ]
    found = counts(reader(FakeAws(spans=spans)).read_map(WINDOW))
    assert found == a_map("(outside)>web 1 0", "web>users 1 0")


def test_calls_without_an_answer_go_to_whom_the_others_reached(reader: Reader) -> None:
    spans = [
        span(1, 1, 0, "web", "SERVER"),
        span(1, 2, 1, "web", "CLIENT", server_address="h", server_port=1),
        span(1, 3, 2, "users", "SERVER"),
        span(1, 4, 1, "web", "CLIENT", failed=True, server_address="h", server_port=1),
    ]
    found = counts(reader(FakeAws(spans=spans)).read_map(WINDOW))
    assert found == a_map("(outside)>web 1 0", "web>users 2 1")


def test_other_messages_in_the_log_group_are_left_alone(reader: Reader) -> None:
    odd = [{"endTimeUnixNano": int(NOON.timestamp()) * 10**9, "traceId": 7}]
    assert reader(FakeAws(spans=odd)).read_map(WINDOW) == a_map()


def test_nothing_at_all_is_an_empty_map(reader: Reader) -> None:
    assert reader(FakeAws()).read_map(WINDOW) == a_map()


def test_only_edges_that_touch_a_match(reader: Reader) -> None:
    assert counts(reader(FakeAws(TRIANGLE)).read_map(WINDOW, "ap*")) == a_map(
        "web>api 40 2", "api>users 40 0"
    )


def test_real_accounts_are_asked_seldom(reader: Reader) -> None:
    cloudwatch = reader(FakeAws(), real=True)
    assert cloudwatch.manners.lag == timedelta(minutes=10)
    assert cloudwatch.manners.poll >= timedelta(seconds=30)
    assert reader(FakeAws()).manners.lag == timedelta()


def test_a_missing_permission_is_named(reader: Reader) -> None:
    refusal = json({"message": "not authorized"}, 403, x_amzn_ErrorType="AccessDeniedException")
    with pytest.raises(UnreadableError, match="permission application-signals:ListServices"):
        reader(Vendor(refusal), real=True).read_map(WINDOW)


@pytest.mark.parametrize(
    "answer",
    [
        text("<html>sign in to the hotel's network</html>"),
        text('{"ServiceSummaries": [{"mess'),
        json({"ServiceSummaries": "many"}),
        json({"ServiceSummaries": [7]}),
        json({"ServiceSummaries": [{"KeyAttributes": "web"}]}),
        json({"ServiceSummaries": [{"KeyAttributes": {"Type": "Service"}}]}),
        json({"ServiceSummaries": [], "NextToken": "again"}),
    ],
)
def test_a_hostile_answer_is_a_clear_error(reader: Reader, answer: Any) -> None:
    with pytest.raises(UnreadableError) as caught:
        reader(Vendor(answer)).read_map(WINDOW)
    assert caught.value.hint
