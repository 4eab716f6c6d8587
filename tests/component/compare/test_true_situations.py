"""Situations as they are × what the report says of them: no false cause, no false green.

A situation is a line of `SITUATIONS`: what happens, whether the maps agree, the one cause of what is
unexpected, and what is said of the traffic. The maps are the vendors' stand-ins', read by the real readers.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.component.compare.account import CALLS, Account, Made, without
from tests.component.compare.situations import Situation
from tests.conftest import Serve
from tests.system.trees import CONSUMER, INTERNAL, PRODUCER, SERVER
from tests.unit.readers.conftest import settings_at
from threemaps.compare.side_by_side import snapshot_now
from threemaps.model.difference import Comparison, Window
from threemaps.readers.snapshot import snapshot_text


def healthy(at: Account) -> None:
    at.send(Made().calls())


def failing(at: Account) -> None:
    at.send(Made().calls(30) + Made().calls(10, status=503))


def refused(at: Account) -> None:
    at.send(Made().calls(status=404))


def down(at: Account) -> None:
    at.send(without("api", Made().calls(status=0)))


def killed_halfway(at: Account) -> None:
    at.send(Made().calls(30) + without("api", Made().calls(10, status=0)))


def without_spans(at: Account) -> None:
    at.send(Made().calls() + without("db", Made().calls(callee="db")))


def dropped_header(at: Account) -> None:
    spans = Made().calls()
    for service, span in spans:
        if service == "api":
            span.trace_id, span.parent_span_id = span.trace_id[:4] + span.trace_id[:3:-1], b""
    at.send(spans)


def two_sdks(at: Account) -> None:
    made = Made()
    for _ in range(CALLS):
        above = made.call_of("web", "api")
        made.call(above, "api")
        made.call(above, "api")
    at.send(made.forest.spans)


def caller_without_entry(at: Account) -> None:
    at.send([one for one in Made().calls() if one[1].parent_span_id])


def no_client_span(at: Account) -> None:
    made = Made()
    for _ in range(CALLS):
        above = made.call_of("web", "api")
        made.call(above, "api").parent_span_id = above.parent_span_id
    at.send([one for one in made.forest.spans if one[1].kind == SERVER])


def no_server_span(at: Account) -> None:
    made = Made()
    for _ in range(CALLS):
        made.call(made.call_of("web", "api"), "api", kind=INTERNAL)
    at.send(made.forest.spans)


def several_readers(at: Account) -> None:
    made = Made()
    for _ in range(CALLS):
        above = made.call_of("web", "kafka")
        above.kind = PRODUCER
        for name in ("mail", "log"):
            made.call(above, name, kind=CONSUMER)
    at.send(made.forest.spans)


def fault_of_one_side(at: Account) -> None:
    spans = Made().calls()
    for service, span in spans[:60]:
        span.status.code = 2 if service == "api" else 0
        if service == "api":
            del span.attributes[:]
    at.send(spans)


def lost_to_honeycomb(at: Account) -> None:
    made = Made()
    at.send(made.calls(33))
    spans = made.calls(7)
    at.send(spans, ("aws",))
    at.send(without("api", spans), ("honeycomb",))


def lost_to_xray(at: Account) -> None:
    made = Made()
    at.send(made.calls(33))
    spans = made.calls(7)
    at.send(spans, ("honeycomb",))
    at.send(without("api", spans), ("aws",))


def whole_traces_lost(at: Account) -> None:
    made = Made()
    at.send(made.calls(33))
    at.send(made.calls(7), ("honeycomb",))


def one_in_a_hundred(at: Account) -> None:
    made = Made()
    at.send(made.calls(396))
    at.send(made.calls(4), ("honeycomb",))


def nothing_in_xray(at: Account) -> None:
    at.send(Made().calls(), ("honeycomb",))


def other_applications(at: Account) -> None:
    made = Made()
    at.send(made.calls())
    before = len(made.forest.spans)
    for _ in range(CALLS):
        made.call(made.call_of("shop", "stock"), "stock")
    at.send(made.forest.spans[before:], ("aws",))


def one_sided(at: Account) -> None:
    spans = Made().calls()
    at.send(spans, ("aws",))
    at.send(without("api", spans), ("honeycomb",))


def draining(at: Account) -> None:
    whole_traces_lost(at)
    at.numbers['otelcol_exporter_queue_size{exporter="otlp_grpc/xray"}'] = 900
    at.numbers['otelcol_exporter_queue_capacity{exporter="otlp_grpc/xray"}'] = 1000


def given_up(at: Account) -> None:
    whole_traces_lost(at)
    at.numbers['otelcol_exporter_send_failed_spans_total{exporter="otlp_grpc/xray"}'] = 21


def clock_off(at: Account) -> None:
    at.send(Made().calls(ahead=400))


def nothing(at: Account) -> None:
    pass


def of_service(name: str) -> Callable[[Account, Path], Comparison]:
    return lambda at, folder: at.compare(service=name)


def of_files(at: Account, folder: Path) -> Comparison:
    """Saved before, compared with nothing running."""
    now = datetime.now(UTC)
    window = Window(now - timedelta(minutes=5), now)
    files = [folder / f"{name}.json" for name in ("xray", "honeycomb")]
    for file in files:
        source, held = snapshot_now(at.settings, file.stem, timedelta(minutes=5))
        file.write_text(snapshot_text(source.backend, window, held))
    return at.compare(*map(str, files))


def of_nobody(at: Account, folder: Path) -> Comparison:
    gone = settings_at("", **{**at.settings.environ, "THREEMAPS_URL_HONEYCOMB": "http://127.0.0.1:9"})
    return Account(gone).compare()


SITUATIONS = (
    Situation("all is well", healthy),
    Situation("a quarter of the calls fails", failing, trouble="web → api: 10 of 40 calls fail (25%)"),
    Situation("calls are answered with 404", refused),
    Situation(
        "a callee is down", down, excused="it is down, or it sends none", trouble="Honeycomb cannot draw"
    ),
    Situation(
        "a callee is killed halfway", killed_halfway, excused="down for others", trouble="10 of 40 calls"
    ),
    Situation("a callee sends no spans", without_spans, excused="db answered no such call with spans"),
    Situation(
        "a trace header is dropped", dropped_header, False, "do not continue the traces of its callers"
    ),
    Situation("two SDKs in one app", two_sdks, excused="two server spans", trouble="api are counted twice"),
    Situation("a caller's entry span is missing", caller_without_entry, excused="not the span in which"),
    Situation("a caller's library is not instrumented", no_client_span, excused="no client's"),
    Situation("a callee's span is of kind internal", no_server_span, excused="no span of kind server"),
    Situation("a message has two readers", several_readers, excused="reached several callees"),
    Situation(
        "a call fails for its callee only", fault_of_one_side, excused="do not agree", trouble="calls fail"
    ),
    Situation("spans are lost to Honeycomb", lost_to_honeycomb, False, "did not come to Honeycomb"),
    Situation("spans are lost to X-Ray", lost_to_xray, False, "X-Ray lacks spans of these calls"),
    Situation("whole traces are lost to X-Ray", whole_traces_lost, False, "X-Ray lacks spans of these calls"),
    Situation("one call in a hundred is lost to X-Ray", one_in_a_hundred, False, "X-Ray lacks spans"),
    Situation("nothing arrives at AWS", nothing_in_xray, False, "holds nothing at all of this window"),
    Situation("the queue to AWS is draining", draining, False, "is still draining"),
    Situation("the collector gave spans up", given_up, False, "gave up 21 spans"),
    Situation("a clock is 400 s ahead", clock_off, False, "the clock of api is 400 s ahead"),
    Situation(
        "X-Ray indexes a tenth",
        healthy,
        excused="indexing rule keeps 10%",
        note="holds a share",
        environ={"THREEMAPS_AWS_AWKWARD": "index:10"},
    ),
    Situation(
        "another application in the account",
        other_applications,
        excused="another application of the AWS account",
    ),
    Situation("a callee of ours sends to AWS only", one_sided, False, "did not come to Honeycomb"),
    Situation(
        "an account pages, throttles, leaves ids unprocessed",
        healthy,
        environ={"THREEMAPS_AWS_AWKWARD": "pages,throttle,unprocessed"},
    ),
    Situation("the free plan of Honeycomb", healthy, environ={"THREEMAPS_HONEYCOMB_PLAN": "free"}),
    Situation(
        "SDKs keep a tenth",
        healthy,
        note="OTEL_TRACES_SAMPLER_ARG=0.1 keeps 10%",
        environ={"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"},
    ),
    Situation("no calls in the window", nothing, note="nothing to compare"),
    Situation(
        "a filter that matches nothing", healthy, False, note="touches 'nobody'", compare=of_service("nobody")
    ),
    Situation(
        "files of a healthy system", healthy, excused="no node for callers from outside", compare=of_files
    ),
    Situation("files of lost calls", whole_traces_lost, False, "unknown", compare=of_files),
    Situation("a backend cannot be reached", healthy, False, "could not be reached", compare=of_nobody),
)


@pytest.mark.usefixtures("in_no_time")
@pytest.mark.parametrize("one", SITUATIONS, ids=lambda one: one.name)
def test_what_is_said(one: Situation, tmp_path: Path, serve: Serve) -> None:
    one.hold(tmp_path, serve)
