"""A trace as rows on one time axis."""

from threemaps.readers.traces import Held, Span
from threemaps.web.waterfall import AXIS, drawn, rows_of, where_they_differ

ROOT = Span("1", "", "web", "GET /", 100.0, 40.0, False)
CHILD = Span("2", "1", "users", "GET /u", 100.010, 20.0, True, {"app.now": "<script>", "n": 3})


def without_start(span: Span) -> Span:
    return Span(span.id, span.parent, span.service, span.name, None, span.duration_ms, span.failed)


def test_a_start_that_one_backend_does_not_report_is_taken_from_the_other() -> None:
    rows = rows_of(
        [Held("honeycomb", (without_start(ROOT), without_start(CHILD))), Held("xray", (ROOT, CHILD))]
    )
    for backend in ("honeycomb", "xray"):
        root, child = rows[backend]
        assert (root.left, round(root.length)) == (0, AXIS)
        assert (round(child.left), round(child.length)) == (AXIS / 4, AXIS / 2)


def test_siblings_stand_in_the_same_order_in_each_backend() -> None:
    later = Span("3", "1", "activities", "GET /a", 100.030, 5.0, False)
    in_xray = Held("xray", (ROOT, CHILD, later))
    # Honeycomb reports no start: there they come by name, the later call first.
    without = Held("honeycomb", tuple(map(without_start, (ROOT, later, CHILD))))
    rows = rows_of([without, in_xray])
    assert [row.span.id for row in rows["honeycomb"]] == ["1", "2", "3"]
    assert [row.span.id for row in rows["xray"]] == ["1", "2", "3"]


def test_without_any_start_a_span_begins_with_its_parent() -> None:
    rows = rows_of([Held("honeycomb", (without_start(ROOT), without_start(CHILD)))])["honeycomb"]
    assert [row.left for row in rows] == [0, 0]


def test_attributes_are_text_and_never_markup() -> None:
    html = drawn(rows_of([Held("xray", (ROOT, CHILD))])["xray"])
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert 'data-text="users: get /u app.now=&lt;script&gt; n=3"' in html


def test_one_line_says_where_the_backends_differ() -> None:
    both, one = Held("xray", (ROOT, CHILD)), Held("honeycomb", (ROOT,))
    assert where_they_differ([both, one]) == "Honeycomb lacks 1 of them."
    assert where_they_differ([both, Held("honeycomb", (ROOT, CHILD))]) == "They hold the same 2 spans."
    assert where_they_differ([both, Held("honeycomb", problem="no key")]) == ""
