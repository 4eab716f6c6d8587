"""Situations that nothing was built for, each with what should be said of it."""

import secrets
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.component.compare.account import CALLS, Account, Made, Spans, without
from tests.component.compare.situations import Situation
from tests.conftest import Serve
from tests.system.trees import CONSUMER, MS, PRODUCER, SERVER, attributes
from threemaps.model.difference import Comparison

HALF = CALLS // 2
FAILED = 2


def of(service: str, spans: Spans) -> Spans:
    return [one for one in spans if one[0] == service]


def by_trace(spans: Spans) -> list[Spans]:
    traces: dict[bytes, Spans] = {}
    for one in spans:
        traces.setdefault(one[1].trace_id, []).append(one)
    return list(traces.values())


def fan_out(made: Made, callees: Iterable[str]) -> Spans:
    """One request to web, which calls several."""
    before = len(made.forest.spans)
    names = list(callees)
    first = made.call_of("web", names[0])
    made.call(first, names[0])
    for name in names[1:]:
        words = {"http.request.method": "GET", "http.response.status_code": 200, "peer.service": name}
        words |= {"aws.remote.service": name}
        start = first.start_time_unix_nano
        call = made.forest.span(first.trace_id, "web", 3, first.parent_span_id, start, 150, words)
        made.call(call, name)
    return made.forest.spans[before:]


def lost_branch(at: Account) -> None:
    made = Made()
    traces = [fan_out(made, ("api", "stock", "mail")) for _ in range(CALLS)]
    for number, spans in enumerate(traces):
        at.send(spans, ("honeycomb",))
        at.send(spans if number % 8 else without("mail", spans), ("aws",))


def renamed_in_honeycomb(at: Account) -> None:
    spans = Made().calls()
    at.send(spans, ("aws",))
    at.send([("api-v2" if name == "api" else name, span) for name, span in spans], ("honeycomb",))


def renamed_in_aws(at: Account) -> None:
    spans = Made().calls()
    at.send(spans, ("honeycomb",))
    at.send([("api-v2" if name == "api" else name, span) for name, span in spans], ("aws",))


def retried(at: Account) -> None:
    """Each call is made twice: the first one is not answered."""
    made = Made()
    for _ in range(CALLS):
        call = made.call_of("web", "api")
        made.call(call, "api")
        words = {"http.request.method": "GET", "peer.service": "api", "aws.remote.service": "api"}
        first = made.forest.span(
            call.trace_id, "web", 3, call.parent_span_id, call.start_time_unix_nano, 20, words
        )
        first.status.code = FAILED
    at.send(made.forest.spans)


def sampled_for_honeycomb(at: Account) -> None:
    spans = Made().calls()
    at.send(spans, ("aws",))
    for trace in by_trace(spans)[::2]:
        at.send(trace, ("honeycomb",))


def not_to_aws(at: Account) -> None:
    spans = Made().calls()
    at.send(spans, ("honeycomb",))
    at.send(without("api", spans), ("aws",))


def two_behind_one_name(at: Account) -> None:
    """Two applications under one name, which call different services."""
    made = Made()
    for callee in ("stock", "mail"):
        for _ in range(HALF):
            entry = made.call(made.call_of("web", "api"), "api")
            start = entry.start_time_unix_nano
            words = {"http.request.method": "GET", "http.response.status_code": 200, "peer.service": callee}
            words |= {"aws.remote.service": callee}
            call = made.forest.span(entry.trace_id, "api", 3, entry.span_id, start + MS, 60, words)
            made.call(call, callee)
    at.send(made.forest.spans)


def twice_to_honeycomb(at: Account) -> None:
    """Which keeps one of the spans of an id, as it is here."""
    spans = Made().calls()
    at.send(spans)
    at.send(spans, ("honeycomb",))


def twice_to_aws(at: Account) -> None:
    spans = Made().calls()
    at.send(spans)
    at.send(spans, ("aws",))


def not_found(at: Account) -> None:
    """As OpenTelemetry has it: the caller's span is an error, the callee's is not."""
    spans = Made().calls(status=404)
    for service, span in spans:
        span.status.code = FAILED if service == "web" and span.kind != SERVER else 0
    at.send(spans)


def late_consumer(at: Account) -> None:
    made = Made()
    for _ in range(CALLS):
        sent = made.call_of("web", "orders")
        sent.kind = PRODUCER
        made.call(sent, "mail", ahead=20, kind=CONSUMER)
    at.send(made.forest.spans)


def linked_consumer(at: Account) -> None:
    """A consumer that begins a trace of its own, and links to the message's."""
    made = Made()
    for _ in range(CALLS):
        sent = made.call_of("web", "orders")
        sent.kind = PRODUCER
        read = made.call(sent, "mail", kind=CONSUMER)
        read.links.add(trace_id=read.trace_id, span_id=sent.span_id)
        read.trace_id, read.parent_span_id = read.trace_id[:4] + secrets.token_bytes(12), b""
    at.send(made.forest.spans)


def half_the_headers(at: Account) -> None:
    """One of two proxies in between drops trace headers."""
    for number, trace in enumerate(by_trace(Made().calls())):
        for service, span in trace:
            if service == "api" and number % 2:
                span.trace_id, span.parent_span_id = span.trace_id[:4] + secrets.token_bytes(12), b""
        at.send(trace)


def half_the_spans(at: Account) -> None:
    """The callee keeps half of its own spans, whatever its callers say; all calls are answered."""
    for number, trace in enumerate(by_trace(Made().calls())):
        at.send(without("api", trace) if number % 2 else trace)


def inner_span_lost(at: Account) -> None:
    """Of web → api → stock the middle one's spans do not come to Honeycomb, in a part of the traces."""
    made = Made()
    for _ in range(CALLS):
        entry = made.call(made.call_of("web", "api"), "api")
        words = {"http.request.method": "GET", "http.response.status_code": 200, "peer.service": "stock"}
        words |= {"aws.remote.service": "stock"}
        start = entry.start_time_unix_nano
        call = made.forest.span(entry.trace_id, "api", 3, entry.span_id, start + MS, 60, words)
        made.call(call, "stock")
    at.send(made.forest.spans, ("aws",))
    for number, trace in enumerate(by_trace(made.forest.spans)):
        at.send(trace if number % 4 else without("api", trace), ("honeycomb",))


def calls_itself(at: Account) -> None:
    at.send(Made().calls(callee="web"))


def timed_out(at: Account) -> None:
    """The caller gives up on calls that the callee then answers."""
    spans = Made().calls()
    for service, span in spans:
        if service == "web" and span.kind != SERVER:
            span.status.code = FAILED
            del span.attributes[:]
            span.attributes.extend(attributes({"peer.service": "api", "aws.remote.service": "api"}))
            span.end_time_unix_nano = span.start_time_unix_nano + 10 * MS
    at.send(spans)


def cron(at: Account) -> None:
    """A job that nobody called, whose first span is its client's."""
    spans = [one for one in Made().calls() if one[1].parent_span_id]
    for service, span in spans:
        if service == "web":
            span.parent_span_id = b""
    at.send(spans)


def database(at: Account) -> None:
    made = Made()
    spans = made.calls()
    for _, span in list(spans):
        if span.kind == SERVER and span.parent_span_id:
            words = {"db.system": "postgresql", "db.name": "shop", "server.address": "pg.internal"}
            made.forest.span(span.trace_id, "api", 3, span.span_id, span.start_time_unix_nano, 20, words)
    at.send(made.forest.spans)


def indexed_and_lost(at: Account) -> None:
    """X-Ray indexes a tenth, and AWS lacks one call in a hundred: CloudWatch's map holds them all."""
    made = Made()
    at.send(made.calls(396))
    at.send(made.calls(4), ("honeycomb",))


def two_clocks(at: Account) -> None:
    """A callee 5 s behind: within what anybody would notice, and outside of its caller."""
    at.send(Made().calls(ahead=-5))


def nested_server(at: Account) -> None:
    """An ingress in the callee's own process: two server spans of it, one below the other."""
    made = Made()
    for _ in range(CALLS):
        entry = made.call(made.call_of("web", "api"), "api")
        made.call(entry, "api")
    at.send(made.forest.spans)


def proxied(at: Account) -> None:
    """A proxy with spans of its own, of which one kind only."""
    made = Made()
    for _ in range(CALLS):
        through = made.call(made.call_of("web", "proxy"), "proxy")
        made.call(through, "api")
    at.send(made.forest.spans)


def saved(text: str) -> "object":
    def compare(at: Account, folder: Path) -> Comparison:
        file = folder / "result.csv"
        file.write_text(text)
        return at.compare(str(file), "xray")

    return compare


SITUATIONS = (
    Situation("one branch of three is lost to X-Ray", lost_branch, False, "X-Ray lacks spans of these calls"),
    Situation("a service is renamed on the way to Honeycomb", renamed_in_honeycomb, False, "api-v2"),
    Situation("a service is renamed on the way to AWS", renamed_in_aws, False, "api-v2"),
    Situation("each call is made twice", retried, excused="down for others", trouble="calls fail"),
    Situation("Honeycomb's pipeline samples", sampled_for_honeycomb, False, "did not come to Honeycomb"),
    Situation("a callee's spans are not sent to AWS", not_to_aws, False, "X-Ray lacks spans of these calls"),
    Situation("two applications have one name", two_behind_one_name),
    Situation("spans come twice to Honeycomb", twice_to_honeycomb),
    Situation("spans come twice to AWS", twice_to_aws),
    Situation("404, an error for its caller", not_found),
    Situation("a message is read 20 s later", late_consumer, excused="consumer"),
    Situation("a consumer links to its message", linked_consumer, never="header"),
    Situation(
        "half of the trace headers are dropped", half_the_headers, False, "do not continue", never="was down"
    ),
    Situation("a callee keeps half of its spans", half_the_spans, excused="spans", never="was down"),
    Situation("a middle span is lost to Honeycomb", inner_span_lost, False, "did not come to Honeycomb"),
    Situation("a service calls itself", calls_itself, excused="none of a service to itself"),
    Situation("callers give up before the answer", timed_out, trouble="calls fail"),
    Situation("a job that nobody called", cron),
    Situation("a database", database, excused="answered no such call with spans"),
    Situation(
        "X-Ray indexes a tenth, and calls are lost",
        indexed_and_lost,
        False,
        "unknown",
        environ={"THREEMAPS_AWS_AWKWARD": "index:10"},
        note="holds a share",
    ),
    Situation("a clock is 5 s behind", two_clocks),
    Situation("two server spans of a service, nested", nested_server, excused="no client's"),
    Situation("a proxy without client spans", proxied, excused="no client's"),
    Situation(
        "a saved result without COUNT",
        lambda at: at.send(Made().calls()),
        False,
        "COUNT",
        compare=saved("parent.service.name,service.name\nweb,api\n"),
    ),
    Situation(
        "a saved result of fewer calls",
        lambda at: at.send(Made().calls()),
        False,
        "unknown",
        compare=saved("parent.service.name,service.name,COUNT\nweb,api,39\n"),
    ),
)


@pytest.mark.usefixtures("in_no_time")
@pytest.mark.parametrize("one", SITUATIONS, ids=lambda one: one.name)
def test_what_is_said(one: Situation, tmp_path: Path, serve: Serve) -> None:
    one.hold(tmp_path, serve)
