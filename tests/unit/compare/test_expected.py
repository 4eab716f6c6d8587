"""One test for every way in which the backends draw differently: it is expected, and says so."""

from datetime import timedelta

from tests.unit.compare.maps import NOON, a_map, compared, edge, node, only, source, three
from threemaps.model.difference import Comparison, DifferenceKind, Window
from threemaps.model.servicemap import ServiceMap


def causes(comparison: Comparison) -> set[str]:
    return {one.cause for one in comparison.differences}


def test_honeycomb_draws_no_callers_from_outside() -> None:
    whole = a_map("(outside)>web 40", "web>api 40")
    comparison = three(a_map("web>api 40"), whole, whole)
    assert comparison.agree
    assert {one.kind for one in comparison.differences} == {
        DifferenceKind.MISSING_NODE,
        DifferenceKind.MISSING_EDGE,
    }
    assert causes(comparison) == {"Honeycomb draws no node for callers from outside"}


def test_honeycomb_draws_no_call_of_a_service_to_itself() -> None:
    whole = a_map("web>api 40", "api>api 12", "cron>cron 3")
    comparison = three(a_map("web>api 40"), whole, whole)
    assert comparison.agree
    assert len(comparison.differences) == 3


def test_honeycomb_draws_no_callee_without_spans() -> None:
    whole = a_map("web>api 40", "api>db:5432! 40")
    comparison = three(a_map("web>api 40"), whole, whole)
    assert comparison.agree
    [cause] = causes(comparison)
    assert "db:5432 answered no such call with spans of its own" in cause


def test_the_same_missing_from_x_ray_is_not_expected() -> None:
    whole = a_map("(outside)>web 40", "web>api 40", "api>db:5432! 40")
    assert not three(a_map("web>api 40"), a_map("web>api 40"), whole).agree


def test_honeycomb_draws_no_service_that_only_outsiders_call() -> None:
    whole = a_map("(outside)>web 40")
    comparison = three(a_map(), whole, whole)
    assert comparison.agree
    assert any(
        "web" in str(one.source) and "only where it has a call" in one.cause for one in comparison.differences
    )


def test_x_ray_alone_draws_a_service_without_calls() -> None:
    comparison = three(a_map("web>api 1"), a_map("web>api 1", nodes="cron"), a_map("web>api 1"))
    assert comparison.agree
    assert {(one.source, one.not_in) for one in comparison.differences} == {
        (node("cron"), ("honeycomb",)),
        (node("cron"), ("cloudwatch",)),
    }


def test_a_service_missing_with_its_calls_is_not_expected() -> None:
    comparison = three(
        a_map("web>api 1"), a_map("web>api 1", "api>users 1"), a_map("web>api 1", "api>users 1")
    )
    assert not comparison.agree
    assert not any(one.expected for one in comparison.differences)


def test_cloudwatch_calls_a_callee_unknown() -> None:
    comparison = compared(
        source("xray", a_map("web>db:5432! 7")), source("cloudwatch", a_map("web>unknown! 7"))
    )
    assert comparison.agree
    assert len(comparison.differences) == 4
    assert all("a callee without spans has no name of its own" in one.cause for one in comparison.differences)


def test_x_ray_names_a_callee_after_the_resource() -> None:
    comparison = compared(
        source("xray", a_map("web>orders-table! 7")),
        source("cloudwatch", a_map("web>dynamodb.us-east-1.amazonaws.com! 7")),
    )
    assert comparison.agree


def test_two_addresses_are_two_callees() -> None:
    comparison = compared(
        source("xray", a_map("web>db:5432! 7")), source("cloudwatch", a_map("web>dc:5432! 7"))
    )
    assert not comparison.agree


def test_errors_that_honeycomb_does_not_tell_are_no_difference() -> None:
    assert three(a_map("web>api 9"), a_map("web>api 9 2"), a_map("web>api 9 2")).differences == ()


def test_latency_is_timed_at_different_ends() -> None:
    slow = ServiceMap.of([], [edge("web>api 9 0", mean_ms=280)])
    quick = ServiceMap.of([], [edge("web>api 9 0", mean_ms=100)])
    comparison = three(a_map("web>api 9"), slow, quick)
    assert comparison.agree
    assert only(comparison).kind is DifferenceKind.LATENCY
    far = ServiceMap.of([], [edge("web>api 9 0", mean_ms=310)])
    assert not three(a_map("web>api 9"), far, quick).agree
    moments = [ServiceMap.of([], [edge("web>api 9 0", mean_ms=ms)]) for ms in (10.0, 55.0)]
    assert three(a_map("web>api 9"), *moments).agree
    before = compared(source("xray", slow, "a.json"), source("xray", quick, "b.json"))
    assert not before.agree


def test_a_few_milliseconds_are_no_difference() -> None:
    one, other = (ServiceMap.of([], [edge("web>api 9 0", mean_ms=ms)]) for ms in (3.0, 11.0))
    assert three(a_map("web>api 9"), one, other).differences == ()


def test_numbers_of_two_times_are_not_compared() -> None:
    later = Window(NOON + timedelta(days=1), NOON + timedelta(days=1, minutes=15))
    comparison = compared(
        source("xray", a_map("web>api 40"), "before.json"), source("xray", a_map("web>api 55"), window=later)
    )
    assert comparison.agree
    assert "of different times" in only(comparison).cause
    vanished = compared(
        source("xray", a_map("web>api 40", "api>users 9"), "before.json"),
        source("xray", a_map("web>api 55"), window=later),
    )
    assert not vanished.agree
    assert "which is of another time" in only(vanished, DifferenceKind.MISSING_EDGE).cause
