"""True situations × what is said of them: no false cause, no false green."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.unit.compare.maps import NOON, a_map, compared, source
from threemaps.compare.troubles import in_maps
from threemaps.diagnose.absent import Absent, absent_calls
from threemaps.diagnose.case import NotAsked, Subject
from threemaps.diagnose.clocks import Clocks
from threemaps.diagnose.collector import Collector, ExportPath
from threemaps.diagnose.export import (
    Backlog,
    CountedTwice,
    GivenUp,
    PastTheCollector,
    RefusedByReceivers,
    RejectedKey,
)
from threemaps.diagnose.losses import SentAgain
from threemaps.diagnose.other_applications import OtherApplications
from threemaps.diagnose.reading import StillMoving
from threemaps.diagnose.sampling import Sampling, Share
from threemaps.diagnose.traces import Impatient, join
from threemaps.model.servicemap import Edge, Node, ServiceMap
from threemaps.model.spans import TracedSpan, Traces

BETWEEN = a_map("web>api 40")
WHOLE = a_map("(outside)>web 40 0", "web>api 40 0")
LESS = a_map("(outside)>web 40 0", "web>api 33 0")
LESS_BETWEEN = a_map("web>api 33")


@dataclass(frozen=True)
class Situation:
    """`said`: in the causes of what is unexpected, else the maps agree. `trouble`: in the second verdict."""

    name: str
    honeycomb: ServiceMap | None = BETWEEN
    xray: ServiceMap | None = WHOLE
    cloudwatch: ServiceMap | None = WHOLE
    asked: Subject | None = None
    said: str = ""
    trouble: str = ""
    excused: str = ""  # in the reason of something expected


def collector(backend: str, **numbers: int) -> Collector:
    return Collector(started=NOON, paths={backend: ExportPath(**numbers), "other": ExportPath()})


SENT_THE_SAME = Collector(
    started=NOON,
    paths={name: ExportPath(sent=90, capacity=9) for name in ("honeycomb", "xray", "cloudwatch")},
)


def a_trace(number: int, *, api: bool = True) -> list[TracedSpan]:
    trace = f"t{number}"
    spans = [
        TracedSpan(trace, "a", "", "web", "server"),
        TracedSpan(trace, "b", "a", "web", "client"),
        TracedSpan(trace, "c", "b", "api", "server"),
    ]
    return spans if api else spans[:2]


def traces(lost: int) -> Traces:
    return {f"t{number}": a_trace(number, api=number >= lost) for number in range(40)}


def absent(held: Traces, there: Traces) -> Absent:
    joined = {trace: join(held.get(trace, []), there.get(trace, [])) for trace in {**held, **there}}
    return absent_calls(joined, complete=True)


OURS = OtherApplications(frozenset({"web", "api"}), "now")
SLOW = ServiceMap.of([], [Edge(Node("web"), Node("api"), 40, 0, 4000.0)])
QUICK = ServiceMap.of([], [Edge(Node("web"), Node("api"), 40, 0, 900.0)])

SITUATIONS = (
    Situation("healthy"),
    Situation(
        "a service fails",
        xray=a_map("(outside)>web 40 12", "web>api 40 12"),
        cloudwatch=a_map("(outside)>web 40 12", "web>api 40 12"),
        trouble="web → api: 12 of 40 calls fail (30%)",
    ),
    Situation(
        "a service is down",
        honeycomb=a_map(),
        xray=a_map("(outside)>web 40 40", "web>api! 40 40"),
        cloudwatch=a_map("(outside)>web 40 40", "web>api! 40 40"),
        trouble="web → api: 40 of 40 calls fail (100%); Honeycomb cannot draw all of it",
        excused="it is down, or it sends none",
    ),
    Situation(
        "a service is down for some calls",
        honeycomb=a_map("web>api 30"),
        xray=a_map("(outside)>web 40 10", "web>api 30 0", "web>api! 10 10"),
        cloudwatch=a_map("(outside)>web 40 10", "web>api 40 10"),
        trouble="10 of 40 calls fail",
        excused="answered some of these calls and was down for others",
    ),
    Situation(
        "a dropped trace header",
        honeycomb=a_map(),
        xray=a_map("(outside)>web 40 0", "web>api! 40 0", "(outside)>api 40 0"),
        cloudwatch=a_map("(outside)>web 40 0", "web>api! 40 0", "(outside)>api 40 0"),
        said="api sends spans, but they do not continue the traces of its callers",
    ),
    Situation(
        "lost calls, nobody could be asked",
        xray=LESS,
        cloudwatch=LESS,
        asked=NotAsked("the collector"),
        said="unknown",
    ),
    Situation(
        "a queue to X-Ray is draining",
        xray=LESS,
        asked=Backlog(collector("xray", queued=9000, capacity=10000), NOON),
        said="the queue to X-Ray is still draining",
    ),
    Situation(
        "a queue that holds less than is missing",
        xray=LESS,
        asked=Backlog(collector("xray", queued=61, capacity=10000), NOON),
        said="unknown",
    ),
    Situation(
        "a queue that moves on, long after the window",
        xray=LESS,
        asked=Backlog(collector("xray", queued=9000, capacity=10000), NOON, NOON - timedelta(minutes=1)),
        said="unknown",
    ),
    *(
        Situation(
            f"a queue in which something failed {seconds} s ago, a minute after the window",
            xray=LESS,
            asked=Backlog(
                collector("xray", queued=9000, last_failure=NOON - timedelta(seconds=seconds)),
                NOON,
                NOON - timedelta(minutes=1),
            ),
            said=said,
        )
        for seconds, said in ((5, "still draining"), (50, "unknown"))
    ),
    Situation(
        "another queue is draining",
        xray=LESS,
        asked=Backlog(Collector(paths={"honeycomb": ExportPath(queued=9), "xray": ExportPath()}), NOON),
        said="unknown",
    ),
    Situation(
        "the collector gave spans up",
        honeycomb=LESS_BETWEEN,
        asked=GivenUp(collector("honeycomb", failed=7), NOON),
        said="gave up 7 spans on the way to Honeycomb",
    ),
    *(
        Situation(
            f"{count} spans that were sent again",
            a_map("web>api 47"),
            WHOLE,
            WHOLE,
            CountedTwice({"otlp_http/honeycomb": SentAgain("otlp_http/honeycomb", count, NOON)}),
            said,
        )
        for count, said in ((6, "unknown"), (7, "Honeycomb may count calls twice"))
    ),
    Situation(
        "a full queue",
        honeycomb=LESS_BETWEEN,
        asked=GivenUp(collector("honeycomb", not_queued=7, log_lines=("sending queue is full",)), NOON),
        said="refused them, as its queue was full",
    ),
    Situation(
        "a full disk",
        honeycomb=LESS_BETWEEN,
        asked=GivenUp(collector("honeycomb", not_queued=7, log_lines=("no space left on device",)), NOON),
        said="refused them, as the disk was full",
    ),
    Situation(
        "a rejected key",
        honeycomb=a_map(),
        asked=RejectedKey({"honeycomb": "HONEYCOMB_API_KEY: 401"}, frozenset({"honeycomb"}), None, NOON),
        said="Honeycomb rejects the key",
    ),
    Situation(
        "expired AWS credentials",
        xray=a_map(),
        cloudwatch=a_map(),
        asked=RejectedKey({"xray": "STS: Expired", "cloudwatch": "STS: Expired"}, frozenset(), None, NOON),
        said="rejects the key",
    ),
    Situation(
        "receivers without memory",
        xray=LESS,
        cloudwatch=LESS,
        asked=RefusedByReceivers(Collector(refused=50), NOON),
        said="what is missing may be among them",
    ),
    Situation(
        "a clock that is off",
        honeycomb=LESS_BETWEEN,
        asked=Clocks({"api": -40.0}, NOON),
        said="the clock of api is 40 s behind",
    ),
    Situation(
        "a clock that is off elsewhere",
        honeycomb=LESS_BETWEEN,
        asked=Clocks({"mail": -40.0}, NOON),
        said="unknown",
    ),
    Situation(
        "a sampling rule before the pipelines part",
        xray=a_map("(outside)>web 40 0", "web>api 20 0"),
        asked=Sampling((Share(0.5, "the X-Ray sampling rule half"),)),
        said="sampling: the X-Ray sampling rule half keeps 50%",
    ),
    Situation(
        "a lagging vendor",
        cloudwatch=LESS,
        asked=StillMoving(90, timedelta(minutes=10), "cloudwatch"),
        said="CloudWatch may show calls 10 minutes late",
    ),
    Situation(
        "segments refused inside a 200",
        xray=LESS,
        cloudwatch=LESS,
        asked=absent(traces(0), traces(7)),
        said="X-Ray lacks spans of these calls that Honeycomb holds",
    ),
    Situation(
        "calls that were sent to Honeycomb past the collector",
        xray=LESS,
        cloudwatch=LESS,
        asked=PastTheCollector(SENT_THE_SAME, NOON, NOON, lost=False, absent=[absent(traces(0), traces(7))]),
        said="or they came past the collector, which has sent both the same spans",
    ),
    Situation(
        "nobody knows past what they came where something was dropped",
        xray=LESS,
        cloudwatch=LESS,
        asked=PastTheCollector(SENT_THE_SAME, NOON, NOON, lost=True, absent=[absent(traces(0), traces(7))]),
        said="unknown",
    ),
    Situation(
        "spans lost on the way to Honeycomb",
        honeycomb=LESS_BETWEEN,
        asked=absent(traces(7), traces(0)),
        said="spans that X-Ray has did not come to Honeycomb",
    ),
    Situation(
        "more lost than the traces show",
        xray=LESS,
        cloudwatch=LESS,
        asked=absent(traces(0), traces(3)),
        said="unknown",
    ),
    Situation(
        "another application of the account",
        xray=a_map("(outside)>web 40 0", "web>api 40 0", "shop>stock 5 0"),
        cloudwatch=a_map("(outside)>web 40 0", "web>api 40 0", "shop>stock 5 0"),
        asked=OURS,
        excused="another application of the AWS account",
    ),
    Situation(
        "a service whose spans never come to Honeycomb",
        xray=a_map("(outside)>web 40 0", "web>api 40 0", "api>stock 5 0"),
        cloudwatch=a_map("(outside)>web 40 0", "web>api 40 0", "api>stock 5 0"),
        asked=OURS,
        said="unknown",
    ),
    Situation(
        "a caller that gives up",
        xray=QUICK,
        cloudwatch=SLOW,
        asked=Impatient({(Node("web"), Node("api")): "t1"}),
        excused="web gives up before api has answered",
    ),
    Situation("latencies far apart", xray=QUICK, cloudwatch=SLOW, said="unknown"),
    Situation("a source that cannot be read", honeycomb=None, said="no route"),
    Situation("one map is empty", xray=a_map(), said="X-Ray draws nothing at all of this window"),
)


@pytest.mark.parametrize("one", SITUATIONS, ids=lambda one: one.name)
def test_what_is_said(one: Situation) -> None:
    maps = {"honeycomb": one.honeycomb, "xray": one.xray, "cloudwatch": one.cloudwatch}
    sources = [source(name, found) for name, found in maps.items()]
    comparison = compared(*sources, asked=[one.asked] if one.asked else ())
    unexpected = {diff.cause for diff in comparison.differences if not diff.expected}
    excuses = {diff.cause for diff in comparison.differences if diff.expected}

    assert comparison.agree == (not one.said), unexpected
    assert all(one.said in cause for cause in unexpected), unexpected
    assert any(one.excused in excuse for excuse in {*excuses, ""}), excuses
    troubles = [trouble.what for trouble in in_maps(sources)]
    assert bool(troubles) == bool(one.trouble)
    assert any(one.trouble in what for what in [*troubles, ""])
