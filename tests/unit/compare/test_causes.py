"""One test for every cause: the evidence for it, and it is named; without the evidence it is not."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.compare.maps import NOON, WINDOW, a_map, compared, node, only, source, three
from threemaps.diagnose.evidence.absent import Absent
from threemaps.diagnose.evidence.crossing import counted_by
from threemaps.diagnose.evidence.model import (
    Collector,
    CrossingCall,
    Elsewhere,
    Evidence,
    Leg,
    PassedAtEdges,
    Sampling,
)
from threemaps.diagnose.evidence.shapes import Looked
from threemaps.model.difference import Difference, DifferenceKind, Window
from threemaps.model.servicemap import Node, ServiceMap

WHOLE = a_map("web>api 40")
LESS = a_map("web>api 33")
WEB_API = node("web"), node("api")


def collector(backend: str, **leg: object) -> Collector:
    return Collector(started=NOON - timedelta(days=1), legs={backend: Leg(**leg)})  # type: ignore[arg-type]


def difference(evidence: Evidence, **maps: ServiceMap) -> Difference:
    told = {"honeycomb": WHOLE, "xray": WHOLE, "cloudwatch": WHOLE, **maps}
    return only(three(*told.values(), evidence=evidence))


def test_nothing_known_is_unknown_and_says_what_was_checked() -> None:
    found = difference(Evidence(not_checked=("the collector's own metrics (no answer)",)), xray=LESS)
    assert found.cause == "unknown"
    assert not found.expected
    assert "threemaps doctor" in found.advice
    assert "not checked: the collector's own metrics (no answer)" in found.evidence
    assert sum(line.startswith("checked: ") for line in found.evidence) >= 10


def test_a_rejected_key() -> None:
    line = "Exporting failed. Dropping data. HTTP Status Code 401, Message=unknown API key"
    found = difference(
        Evidence(collector=collector("honeycomb", failed=7, log_lines=(line,))), honeycomb=LESS
    )
    assert "Honeycomb rejects the key" in found.cause
    assert line in found.evidence
    assert "HONEYCOMB_API_KEY" in found.advice
    other = difference(Evidence(collector=collector("honeycomb", log_lines=(line,))), xray=LESS)
    assert "key" not in other.cause


def test_a_port_with_the_digits_of_a_status_is_no_rejected_key() -> None:
    line = "Exporting failed: request to http://127.0.0.1:40193/v1/traces answered with HTTP Status Code 503"
    leg = collector("honeycomb", queued=12, capacity=1000, log_lines=(line,))
    assert "still draining" in difference(Evidence(collector=leg), honeycomb=LESS).cause


def test_rejected_aws_credentials() -> None:
    found = difference(Evidence(key_problems={"xray": "STS: InvalidClientTokenId"}), xray=LESS)
    assert "X-Ray rejects the key" in found.cause
    assert "AWS credentials" in found.advice


def test_a_queue_still_draining() -> None:
    found = difference(Evidence(collector=collector("cloudwatch", queued=12, capacity=1000)), cloudwatch=LESS)
    assert "queue to CloudWatch is still draining" in found.cause
    assert found.evidence == ("the queue holds 12 bytes of 1,000",)


def test_what_the_collector_gave_up() -> None:
    found = difference(Evidence(collector=collector("xray", failed=7)), xray=LESS)
    assert "gave up 7 items on the way to X-Ray" in found.cause
    full = difference(Evidence(collector=collector("xray", not_queued=7)), xray=LESS)
    assert "its queue was full" in full.cause


def test_more_than_the_others_is_not_for_want_of_delivery() -> None:
    found = difference(
        Evidence(collector=collector("cloudwatch", failed=7, queued=3)), cloudwatch=a_map("web>api 44")
    )
    assert "gave up" not in found.cause
    assert "queue" not in found.cause


def test_a_clock_that_is_off() -> None:
    found = difference(Evidence(skew={"api": 61.0}), cloudwatch=a_map("web>api 50"), xray=WHOLE)
    assert "clock of api is 61 s ahead" in found.cause
    assert "timedatectl" in found.advice
    assert "clock" not in difference(Evidence(skew={"users": 61.0}), xray=LESS).cause


def test_a_node_is_missing_for_the_clock_of_the_one_that_it_calls() -> None:
    found = three(a_map(), WHOLE, WHOLE, evidence=Evidence(skew={"api": 60.0}))
    assert all("the clock of api is 60 s ahead" in one.cause for one in found.differences)


def test_a_clock_that_is_behind_makes_no_restart() -> None:
    evidence = Evidence(
        collector=Collector(started=NOON + timedelta(minutes=5)),
        calls_before_start={WEB_API: 7},
        skew={"other": -90.0},
    )
    assert difference(evidence, cloudwatch=LESS).cause == "unknown"


def test_two_spans_of_one_id() -> None:
    seen = Looked(1, True, doubled={"api": "abc"})
    found = three(WHOLE, a_map("web>gone! 40"), WHOLE, evidence=Evidence(looked=seen))
    unexpected = [one for one in found.differences if not one.expected]
    assert {one.odd for one in unexpected} == {("xray",), ("cloudwatch",)}
    assert all(
        "two spans of one trace have the same id, and X-Ray keeps the later one" in one.cause
        for one in unexpected
    )
    assert unexpected[0].evidence == ("trace abc",)
    elsewhere = Evidence(looked=Looked(1, True, doubled={"other": "abc"}))
    assert difference(elsewhere, xray=LESS).cause == "unknown"


def test_names_that_x_ray_refuses() -> None:
    whole = a_map("web>a|b 4", "web>a!b 2", f"web>{'x' * 250} 1")
    found = three(whole, a_map("web>a_b 6", f"web>{'x' * 200} 1"), whole)
    assert found.agree
    assert {one.source for one in found.differences if one.target is None} == {
        node(name) for name in ("a|b", "a!b", "a_b", "x" * 250, "x" * 200)
    }
    assert all("X-Ray refuses some characters" in one.cause for one in found.differences)


def test_a_name_that_x_ray_refuses_excuses_no_lost_call() -> None:
    found = three(a_map("web>a|b 4"), a_map("web>a_b 3"), a_map("web>a|b 4"))
    edges = [one for one in found.differences if one.kind is DifferenceKind.MISSING_EDGE]
    assert not any(one.expected for one in edges)
    assert not three(WHOLE, a_map("web>other 40"), WHOLE).agree


def test_a_restart_of_the_collector() -> None:
    found = difference(Evidence(streams=("otel-stream-a", "otel-stream-b")), cloudwatch=LESS)
    assert "restarted inside the window" in found.cause
    assert "otel-stream-b" in found.evidence[0]
    started = Collector(started=NOON + timedelta(minutes=5))
    known = Evidence(collector=started, calls_before_start={WEB_API: 7})
    assert "restarted" in difference(known, cloudwatch=LESS).cause
    astray = three(WHOLE, WHOLE, a_map("web>api 33", "web>api:8001! 7"), known)
    assert all("restarted" in one.cause for one in astray.differences if not one.expected)
    assert "restarted" not in difference(Evidence(collector=started), cloudwatch=LESS).cause
    assert "restarted" not in difference(Evidence(streams=("a", "b")), xray=LESS).cause


def test_a_restart_costs_no_calls_that_came_after_it() -> None:
    started = Collector(started=NOON + timedelta(minutes=5))
    web_users = node("web"), node("users")
    few: dict[tuple[Node, Node], int] = {WEB_API: 6}
    for older in (few, {web_users: 7}, {}):
        known = Evidence(collector=started, calls_before_start=older)
        assert difference(known, cloudwatch=LESS).cause == "unknown"
    elsewhere = Evidence(collector=started, calls_before_start={web_users: 1})
    astray = three(WHOLE, WHOLE, a_map("web>api 33", "web>api:8001! 7"), elsewhere)
    assert all("expired half-edges" in one.cause for one in astray.differences if not one.expected)


def test_a_full_store() -> None:
    found = difference(Evidence(collector=Collector(dropped_halves=9)), cloudwatch=LESS)
    assert "store was full and dropped 9 spans" in found.cause
    assert "max_items" in found.advice


def test_expired_half_edges() -> None:
    astray = a_map("web>api 33", "web>api:8001! 7")
    evidence = Evidence(collector=Collector(expired_halves=14))
    comparison = three(WHOLE, WHOLE, astray, evidence=evidence)
    found = only(comparison, DifferenceKind.REQUESTS)
    assert "expired half-edges" in found.cause
    assert found.evidence[0] == "web → api:8001: 7 calls that the others do not have"
    down = a_map("web>api 33", "web>api:8001! 7")
    both = three(a_map("web>api 33"), down, down)
    assert both.agree


def test_spans_refused_at_the_door() -> None:
    found = difference(Evidence(collector=Collector(refused=7)), honeycomb=LESS)
    assert "refused 7 spans since it started" in found.cause
    assert not found.expected


def test_refused_spans_that_are_too_few_or_have_a_rival_are_no_cause() -> None:
    refused = Collector(refused=6)
    assert difference(Evidence(collector=refused), honeycomb=LESS).cause == "unknown"
    many = Evidence(collector=Collector(refused=600), settled=False)
    assert "still moving" in difference(many, honeycomb=LESS).cause
    lost = Absent(True, {WEB_API: ("abc",) * 7})
    absent = Evidence(collector=Collector(refused=600), absent=lost)
    assert "inside an answer of 200" in difference(absent, xray=LESS).cause


def test_sampling_on_one_leg_is_known_by_its_share() -> None:
    evidence = Evidence(sampling=(Sampling(0.1, "the X-Ray sampling rule low", "xray"),))
    many, few, some = a_map("web>api 1000"), a_map("web>api 104"), a_map("web>api 700")
    found = only(three(many, few, many, evidence))
    assert "sampling: the X-Ray sampling rule low keeps 10% of the calls" in found.cause
    assert "sampling" not in only(three(many, some, many, evidence)).cause
    sampled = replace(source("xray", few), sampled=True)
    assert compared(source("honeycomb", many), sampled, evidence=evidence).agree
    off = replace(source("xray", some), sampled=True)
    assert not compared(source("honeycomb", many), off, evidence=evidence).agree


def test_maps_still_moving() -> None:
    assert "still moving" in difference(Evidence(settled=False), xray=LESS).cause


def test_segments_refused_inside_a_200() -> None:
    lost = Absent(True, {WEB_API: (*("abc",) * 6, "def")})
    evidence = Evidence(collector=collector("xray", sent=80), absent=lost)
    found = difference(evidence, xray=LESS)
    assert "refused segments inside an answer of 200" in found.cause
    assert "trace abc is in Honeycomb and not in X-Ray" in found.evidence
    alone = compared(
        source("xray", LESS),
        source("cloudwatch", WHOLE),
        evidence=Evidence(collector=collector("xray", sent=80)),
    )
    assert "200" not in only(alone).cause


def test_segments_refused_elsewhere_or_too_few_are_no_cause() -> None:
    users = Absent(True, {(node("web"), node("users")): ("abc",) * 7}, {})
    assert difference(Evidence(absent=users), xray=LESS).cause == "unknown"
    few = Absent(True, {WEB_API: ("abc",) * 6})
    assert difference(Evidence(absent=few), xray=LESS).cause == "unknown"
    share = Absent(False, {WEB_API: ("abc",)}, {WEB_API: 6})
    assert "200" in difference(Evidence(absent=share), xray=LESS).cause
    tiny = Absent(False, {WEB_API: ("abc",)}, {WEB_API: 400})
    assert difference(Evidence(absent=tiny), xray=LESS).cause == "unknown"


def test_a_node_whose_segments_x_ray_refused() -> None:
    lost = Absent(True, {WEB_API: ("abc",) * 40})
    found = three(WHOLE, a_map("web>users 1"), a_map("web>api 40", "web>users 1"), Evidence(absent=lost))
    [missing] = [one for one in found.differences if one.source == node("api")]
    assert "inside an answer of 200" in missing.cause
    assert missing.evidence == ("trace abc is in Honeycomb and not in X-Ray",)


NOWHERE = Evidence(elsewhere=Elsewhere())


def test_spans_that_came_twice() -> None:
    found = difference(NOWHERE, cloudwatch=a_map("web>api 44"))
    assert "came twice" in found.cause
    assert found.evidence[0] == "CloudWatch has 44, the others at most 40"


def test_nothing_came_twice_that_may_be_of_another_time() -> None:
    assert difference(Evidence(), cloudwatch=a_map("web>api 44")).cause == "unknown"
    known = replace(passed(2), elsewhere=Elsewhere(before={WEB_API: 2}))
    assert difference(known, cloudwatch=a_map("web>api 44")).cause == "unknown"
    assert "came twice" in difference(known, cloudwatch=a_map("web>api 45")).cause


def test_one_witness_is_no_proof_of_spans_that_came_twice() -> None:
    maps = source("xray", WHOLE), source("cloudwatch", a_map("web>api 44"))
    assert only(compared(*maps, evidence=NOWHERE)).cause == "unknown"
    traced = Looked(40, True, {WEB_API: 40}, ())
    assert "came twice" in only(compared(*maps, evidence=replace(NOWHERE, looked=traced))).cause
    some = replace(NOWHERE, looked=replace(traced, complete=False))
    assert only(compared(*maps, evidence=some)).cause == "unknown"


def test_calls_of_a_backlog_are_of_another_time() -> None:
    late = Evidence(elsewhere=Elsewhere(before={WEB_API: 4}))
    found = difference(late, cloudwatch=a_map("web>api 44"))
    assert found.cause.startswith("calls of another time")
    assert not found.expected
    assert "backlog" in found.advice
    assert found.evidence == ("4 calls more in the hour before the window by their spans",)
    assert "another time" not in difference(late, cloudwatch=a_map("web>api 45")).cause
    assert "another time" not in difference(late, xray=LESS).cause
    apart = three(LESS, WHOLE, a_map("web>api 44"), late).differences
    assert {one.odd[0]: "another time" in one.cause for one in apart} == {"honeycomb": False, "xray": True}


def test_calls_of_a_clock_ahead_are_of_another_time() -> None:
    ahead = Evidence(elsewhere=Elsewhere(after={WEB_API: 4}))
    found = difference(ahead, cloudwatch=a_map("web>api 44"))
    assert found.cause.startswith("calls of another time")
    assert "clocks are ahead" in found.advice
    # Asked when the window has come to where the spans are, CloudWatch has had them.
    later = Evidence(elsewhere=Elsewhere(before={WEB_API: -7}))
    assert difference(later, cloudwatch=LESS).cause.startswith("calls of another time")
    assert difference(later, cloudwatch=a_map("web>api 32")).cause == "unknown"


def test_a_map_of_calls_of_another_time_alone() -> None:
    drawn = a_map("(outside)>web 4 1", "web>api 4 1")
    calls = {WEB_API: 4, (node("(outside)"), node("web")): 4}
    found = three(a_map(), a_map(), drawn, Evidence(elsewhere=Elsewhere(before=calls)))
    unexpected = [one for one in found.differences if not one.expected]
    assert {one.odd for one in unexpected} == {("honeycomb", "xray"), ("xray",)}
    assert all(one.cause.startswith("calls of another time") for one in unexpected)


def test_errors_are_of_another_time_with_their_calls() -> None:
    late = Evidence(elsewhere=Elsewhere(before={WEB_API: 4}))
    usual, more = a_map("web>api 40 0"), a_map("web>api 44 3")
    errors = only(three(WHOLE, usual, more, late), DifferenceKind.ERRORS)
    assert errors.cause.startswith("calls of another time")
    alone = only(three(WHOLE, usual, a_map("web>api 40 3"), late), DifferenceKind.ERRORS)
    assert alone.cause == "unknown"


def test_more_strays_than_lacking_calls_are_no_halves_that_expired() -> None:
    astray = a_map("web>api 39", "web>api:8001! 7")
    assert "expired" not in only(three(WHOLE, WHOLE, astray), DifferenceKind.REQUESTS).cause


def test_errors_do_not_get_lost_where_all_calls_came() -> None:
    lost = Evidence(collector=collector("cloudwatch", failed=7, queued=3))
    whole, silent, less = a_map("web>api 40 5"), a_map("web>api 40 2"), a_map("web>api 33 2")
    assert only(three(WHOLE, whole, silent, lost)).cause == "unknown"
    assert "queue" in only(three(WHOLE, whole, less, lost), DifferenceKind.ERRORS).cause


def test_nothing_arrived_at_all() -> None:
    comparison = three(a_map(), WHOLE, WHOLE)
    assert {one.cause for one in comparison.differences} == {"Honeycomb holds nothing at all of this window"}
    assert not comparison.agree


def test_a_map_that_is_empty_after_the_filter_alone_holds_something() -> None:
    filtered = replace(source("xray", a_map()), holds_others=True)
    found = compared(source("honeycomb", WHOLE), filtered, source("cloudwatch", WHOLE))
    assert {one.cause for one in found.differences} == {"unknown"}


def test_windows_that_overlap_are_not_the_same() -> None:
    later = Window(NOON + timedelta(minutes=5), NOON + timedelta(minutes=20))
    found = only(compared(source("xray", WHOLE, "a.json"), source("xray", LESS, window=later)))
    assert "overlap" in found.cause
    assert not found.expected


def passed(lag: int, cut: int = 0) -> Evidence:
    return Evidence(passed_at_edges=PassedAtEdges({WEB_API: lag}, {WEB_API: cut}))


def test_the_window_cuts_cloudwatch_elsewhere() -> None:
    more = difference(passed(5), cloudwatch=a_map("web>api 44"))
    assert more.expected
    assert more.cause.startswith("window edge")
    assert not difference(passed(3), cloudwatch=a_map("web>api 44")).expected
    assert not difference(passed(5), cloudwatch=LESS).expected


def test_a_backend_that_cannot_draw_an_edge_has_no_say_at_the_windows_edge() -> None:
    known = PassedAtEdges({(node("(outside)"), node("web")): 5}, {})
    outside, more = a_map("(outside)>web 40", "web>api 40"), a_map("(outside)>web 44", "web>api 40")
    assert three(WHOLE, outside, more, Evidence(passed_at_edges=known)).agree
    assert not three(WHOLE, outside, more).agree


def test_the_windows_edge_excuses_no_loss_in_x_ray() -> None:
    assert not difference(passed(20), xray=LESS).expected
    assert difference(passed(20, cut=1), xray=a_map("web>api 39")).expected


def test_an_edge_that_only_the_window_brought_in() -> None:
    comparison = three(a_map(), a_map(), a_map("web>api 3"), passed(3))
    assert comparison.agree
    assert not three(a_map(), a_map(), a_map("web>api 4"), passed(3)).agree


def across(began: float, ended: float, ends: tuple[Node, Node] = WEB_API) -> CrossingCall:
    """A call whose times are told in minutes of the window of 15."""
    times = NOON + timedelta(minutes=began), NOON + timedelta(minutes=ended)
    return CrossingCall(ends, "abc", *times, *counted_by(*times, WINDOW))


def test_a_long_call_across_the_windows_start_is_counted_by_its_end_alone() -> None:
    known = Evidence(crossing=(across(-300, 14),))
    found = difference(known, honeycomb=a_map("web>api 39"))
    assert found.expected
    assert "Honeycomb counts a call by its start" in found.cause
    assert found.evidence == ("trace abc: web → api began 07:00:00 and ended 12:14:00 UTC",)
    assert not difference(known, honeycomb=a_map("web>api 38")).expected
    assert not difference(known, xray=a_map("web>api 39")).expected
    assert not difference(Evidence(), honeycomb=a_map("web>api 39")).expected
    elsewhere = across(-300, 14, (node("web"), node("users")))
    assert not difference(Evidence(crossing=(elsewhere,)), honeycomb=a_map("web>api 39")).expected


def test_a_long_call_across_the_windows_end_is_counted_by_its_start_alone() -> None:
    known = Evidence(crossing=(across(14, 16),))
    more = a_map("web>api 41")
    assert three(more, WHOLE, WHOLE, known).agree
    assert not three(WHOLE, more, more, known).agree
    flushed = Evidence(crossing=(across(14, 15.1),))
    assert three(more, WHOLE, WHOLE, flushed).agree
    assert three(more, WHOLE, more, flushed).agree
    assert not three(more, WHOLE, more, known).agree


def test_calls_across_both_ends_make_up_for_each_other() -> None:
    known = Evidence(crossing=(across(-2, 1), across(14, 17)))
    assert not difference(known, honeycomb=a_map("web>api 39")).expected


def test_a_map_of_long_calls_alone() -> None:
    outside = node("(outside)"), node("web")
    drawn = a_map("(outside)>web 1", "web>api 1")
    known = Evidence(crossing=(across(-5, 1), across(-5, 1, outside)))
    assert three(a_map(), drawn, drawn, known).agree
    assert not three(a_map(), drawn, drawn).agree
    assert not three(a_map(), *(2 * [a_map("(outside)>web 2", "web>api 2")]), known).agree


def test_errors_at_the_windows_edge_need_no_word_of_honeycomb() -> None:
    found = three(WHOLE, a_map("web>api 40 2"), a_map("web>api 40 3"), passed(1))
    assert found.agree
