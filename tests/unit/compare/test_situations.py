"""True situations × what is said of them: no false cause, no false green."""

import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.compare.maps import NOON, WINDOW, a_map, compared, source
from threemaps.compare.side_by_side import compare_now
from threemaps.compare.troubles import in_maps, standing_troubles
from threemaps.diagnose.absent import Absent, absent_calls
from threemaps.diagnose.case import NotAsked, Subject
from threemaps.diagnose.clocks import Clocks
from threemaps.diagnose.collector import Collector, ExportPath
from threemaps.diagnose.export import Backlog, GivenUp, PastTheCollector, RefusedByReceivers, RejectedKey
from threemaps.diagnose.reading import StillMoving
from threemaps.diagnose.sampling import Sampling, Share
from threemaps.diagnose.shapes import counted, look
from threemaps.diagnose.strangers import Strangers
from threemaps.diagnose.traces import Impatient, by_trace, join
from threemaps.model.difference import Comparison, Window
from threemaps.model.drawing import CLOUDWATCH, DRAWINGS, HONEYCOMB, SHAPES, Shape, spans_of
from threemaps.model.servicemap import Edge, Node, ServiceMap
from threemaps.model.spans import Answers, Ends, TracedSpan, Traces, Tree
from threemaps.readers.snapshot import snapshot_text
from threemaps.render import words
from threemaps.settings import Settings

BETWEEN = a_map("web>api 40")
WHOLE = a_map("(outside)>web 40 0", "web>api 40 0")
LESS = a_map("(outside)>web 40 0", "web>api 33 0")
LESS_BETWEEN = a_map("web>api 33")


@dataclass(frozen=True)
class Situation:
    """`said`: in the causes of what is unexpected, else the maps agree. `trouble`: in the second verdict."""

    name: str
    honeycomb: ServiceMap | None
    xray: ServiceMap | None
    cloudwatch: ServiceMap | None
    asked: Sequence[Subject] = field(default=())
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


OURS = Strangers(frozenset({"web", "api"}), "now")
SLOW = ServiceMap.of([], [Edge(Node("web"), Node("api"), 40, 0, 4000.0)])
QUICK = ServiceMap.of([], [Edge(Node("web"), Node("api"), 40, 0, 900.0)])

SITUATIONS = (
    Situation("healthy", BETWEEN, WHOLE, WHOLE),
    Situation(
        "a service fails",
        BETWEEN,
        a_map("(outside)>web 40 12", "web>api 40 12"),
        a_map("(outside)>web 40 12", "web>api 40 12"),
        trouble="web → api: 12 of 40 calls fail (30%)",
    ),
    Situation(
        "a service is down",
        a_map(),
        a_map("(outside)>web 40 40", "web>api! 40 40"),
        a_map("(outside)>web 40 40", "web>api! 40 40"),
        trouble="web → api: 40 of 40 calls fail (100%); Honeycomb cannot draw all of it",
        excused="it is down, or it sends none",
    ),
    Situation(
        "a service is down for some calls",
        a_map("web>api 30"),
        a_map("(outside)>web 40 10", "web>api 30 0", "web>api! 10 10"),
        a_map("(outside)>web 40 10", "web>api 40 10"),
        trouble="10 of 40 calls fail",
        excused="answered some of these calls and was down for others",
    ),
    Situation(
        "a dropped trace header",
        a_map(),
        a_map("(outside)>web 40 0", "web>api! 40 0", "(outside)>api 40 0"),
        a_map("(outside)>web 40 0", "web>api! 40 0", "(outside)>api 40 0"),
        said="api sends spans, but they do not continue the traces of its callers",
    ),
    Situation(
        "lost calls, nobody could be asked", BETWEEN, LESS, LESS, (NotAsked("the collector"),), "unknown"
    ),
    Situation(
        "a queue to X-Ray is draining",
        BETWEEN,
        LESS,
        WHOLE,
        (Backlog(collector("xray", queued=9000, capacity=10_000), NOON),),
        "the queue to X-Ray is still draining",
    ),
    Situation(
        "a queue that holds less than is missing",
        BETWEEN,
        LESS,
        WHOLE,
        (Backlog(collector("xray", queued=61, capacity=10_000), NOON),),
        "unknown",
    ),
    Situation(
        "a queue that moves on, long after the window",
        BETWEEN,
        LESS,
        WHOLE,
        (Backlog(collector("xray", queued=9000, capacity=10_000), NOON, NOON - timedelta(minutes=1)),),
        "unknown",
    ),
    Situation(
        "another queue is draining",
        BETWEEN,
        LESS,
        WHOLE,
        (Backlog(Collector(paths={"honeycomb": ExportPath(queued=9), "xray": ExportPath()}), NOON),),
        "unknown",
    ),
    Situation(
        "the collector gave spans up",
        LESS_BETWEEN,
        WHOLE,
        WHOLE,
        (GivenUp(collector("honeycomb", failed=7), NOON),),
        "gave up 7 spans on the way to Honeycomb",
    ),
    Situation(
        "a full queue",
        LESS_BETWEEN,
        WHOLE,
        WHOLE,
        (GivenUp(collector("honeycomb", not_queued=7, log_lines=("sending queue is full",)), NOON),),
        "refused them, as its queue was full",
    ),
    Situation(
        "a full disk",
        LESS_BETWEEN,
        WHOLE,
        WHOLE,
        (GivenUp(collector("honeycomb", not_queued=7, log_lines=("no space left on device",)), NOON),),
        "refused them, as the disk was full",
    ),
    Situation(
        "a rejected key",
        a_map(),
        WHOLE,
        WHOLE,
        (RejectedKey({"honeycomb": "HONEYCOMB_API_KEY: 401"}, frozenset({"honeycomb"}), None, NOON),),
        "Honeycomb rejects the key",
    ),
    Situation(
        "expired AWS credentials",
        BETWEEN,
        a_map(),
        a_map(),
        (RejectedKey({"xray": "STS: Expired", "cloudwatch": "STS: Expired"}, frozenset(), None, NOON),),
        "rejects the key",
    ),
    Situation(
        "receivers without memory",
        BETWEEN,
        LESS,
        LESS,
        (RefusedByReceivers(Collector(refused=50), NOON),),
        "what is missing may be among them",
    ),
    Situation(
        "a clock that is off",
        LESS_BETWEEN,
        WHOLE,
        WHOLE,
        (Clocks({"api": -40.0}, NOON),),
        "the clock of api is 40 s behind",
    ),
    Situation(
        "a clock that is off elsewhere",
        LESS_BETWEEN,
        WHOLE,
        WHOLE,
        (Clocks({"mail": -40.0}, NOON),),
        "unknown",
    ),
    Situation(
        "a sampling rule before the pipelines part",
        BETWEEN,
        a_map("(outside)>web 40 0", "web>api 20 0"),
        WHOLE,
        (Sampling((Share(0.5, "the X-Ray sampling rule half"),)),),
        "sampling: the X-Ray sampling rule half keeps 50%",
    ),
    Situation(
        "a lagging vendor",
        BETWEEN,
        WHOLE,
        LESS,
        (StillMoving(90, timedelta(minutes=10), "cloudwatch"),),
        "CloudWatch may show calls 10 minutes late",
    ),
    Situation(
        "segments refused inside a 200",
        BETWEEN,
        LESS,
        LESS,
        (absent(traces(0), traces(7)),),
        "X-Ray lacks spans of these calls that Honeycomb holds",
    ),
    Situation(
        "calls that were sent to Honeycomb past the collector",
        BETWEEN,
        LESS,
        LESS,
        (PastTheCollector(SENT_THE_SAME, NOON, NOON, lost=False, absent=[absent(traces(0), traces(7))]),),
        "or they came past the collector, which has sent both the same spans",
    ),
    Situation(
        "nobody knows past what they came where something was dropped",
        BETWEEN,
        LESS,
        LESS,
        (PastTheCollector(SENT_THE_SAME, NOON, NOON, lost=True, absent=[absent(traces(0), traces(7))]),),
        "unknown",
    ),
    Situation(
        "spans lost on the way to Honeycomb",
        LESS_BETWEEN,
        WHOLE,
        WHOLE,
        (absent(traces(7), traces(0)),),
        "spans that X-Ray has did not come to Honeycomb",
    ),
    Situation(
        "more lost than the traces show",
        BETWEEN,
        LESS,
        LESS,
        (absent(traces(0), traces(3)),),
        "unknown",
    ),
    Situation(
        "another application of the account",
        BETWEEN,
        a_map("(outside)>web 40 0", "web>api 40 0", "shop>stock 5 0"),
        a_map("(outside)>web 40 0", "web>api 40 0", "shop>stock 5 0"),
        (OURS,),
        excused="another application of the AWS account",
    ),
    Situation(
        "a service whose spans never come to Honeycomb",
        BETWEEN,
        a_map("(outside)>web 40 0", "web>api 40 0", "api>stock 5 0"),
        a_map("(outside)>web 40 0", "web>api 40 0", "api>stock 5 0"),
        (OURS,),
        "unknown",
    ),
    Situation(
        "a caller that gives up",
        BETWEEN,
        QUICK,
        SLOW,
        (Impatient({(Node("web"), Node("api")): "t1"}),),
        excused="web gives up before api has answered",
    ),
    Situation("latencies far apart", BETWEEN, QUICK, SLOW, (), "unknown"),
    Situation("a source that cannot be read", None, WHOLE, WHOLE, (), "no route"),
    Situation("one map is empty", BETWEEN, a_map(), WHOLE, (), "X-Ray draws nothing at all of this window"),
)


@pytest.mark.parametrize("one", SITUATIONS, ids=lambda one: one.name)
def test_what_is_said(one: Situation) -> None:
    maps = {"honeycomb": one.honeycomb, "xray": one.xray, "cloudwatch": one.cloudwatch}
    sources = [source(name, found) for name, found in maps.items()]
    comparison = compared(*sources, asked=one.asked)
    unexpected = {diff.cause for diff in comparison.differences if not diff.expected}
    excuses = {diff.cause for diff in comparison.differences if diff.expected}

    assert comparison.agree == (not one.said), unexpected
    assert all(one.said in cause for cause in unexpected), unexpected
    assert any(one.excused in excuse for excuse in {*excuses, ""}), excuses
    troubles = [trouble.what for trouble in in_maps(sources)]
    assert bool(troubles) == bool(one.trouble)
    assert any(one.trouble in what for what in [*troubles, ""])


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_calls_of_an_unusual_shape(shape: Shape, complete: bool) -> None:
    """The maps as the backends draw them of ten such traces, and the traces as evidence."""
    held = [replace(span, trace=f"{n}") for n in range(10) for span in spans_of(shape)]
    maps = {name: drawn(held, name) for name in DRAWINGS}
    comparison = compared(
        *(source(name, found) for name, found in maps.items()), asked=(look(held, complete=complete),)
    )
    causes = {one.cause for one in comparison.differences}

    assert shape.cause in causes
    assert comparison.agree, causes


def drawn(spans: list[TracedSpan], backend: str) -> ServiceMap:
    trees = [Tree(held) for held in by_trace(spans).values()]
    answers = Answers(trees, in_log=False) if backend == CLOUDWATCH else None
    calls, faults = Counter[Ends](), Counter[Ends]()
    for one in (one for tree in trees for one in counted(tree, backend, answers)):
        calls[one.ends] += one.most
        faults[one.ends] += one.most if one.fault else 0
    told = backend != HONEYCOMB
    return ServiceMap.of(
        (), (Edge(*ends, count, faults[ends] if told else None) for ends, count in (+calls).items())
    )


def test_no_more_calls_are_excused_than_have_the_shape() -> None:
    [shape] = [one for one in SHAPES if "below a server's" in one.name]
    seen = look(spans_of(shape), complete=True)
    comparison = compared(
        source("honeycomb", a_map("web>api 40")),
        source("xray", a_map("web>api 40 0")),
        source("cloudwatch", a_map("web>api 30 0")),
        asked=(seen,),
    )

    assert not comparison.agree


def test_files_alone_claim_nothing_of_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two saved maps in an empty folder: only files are evidence, and nobody is asked."""

    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for file, held, backend in zip(files, (WHOLE, LESS), ("xray", "cloudwatch"), strict=True):
        file.write_text(snapshot_text(backend, WINDOW, held))
    comparison = compare_now(empty(tmp_path), [str(file) for file in files])
    [one] = [one for one in comparison.differences if not one.expected]

    assert one.cause == "unknown"
    assert not [line for line in one.evidence if line.startswith("checked")]
    assert any("only files were compared" in line for line in one.evidence)
    assert comparison.troubles == ()


def empty(folder: Path) -> Settings:
    return Settings.load({"THREEMAPS_ENV_FILE": "/nonexistent", "THREEMAPS_STATE": str(folder / "state")})


LATER = Window(NOON + timedelta(days=1), NOON + timedelta(days=1, minutes=15))
BEFORE = a_map("web>api 900 9")


def of_two_times(tmp_path: Path, after: ServiceMap, **more: float) -> Comparison:
    files = [tmp_path / "before.json", tmp_path / "after.json"]
    files[0].write_text(snapshot_text("xray", WINDOW, BEFORE))
    files[1].write_text(snapshot_text("xray", LATER, after))
    return compare_now(empty(tmp_path), [str(file) for file in files], **more)


def test_two_times_show_what_has_changed(tmp_path: Path) -> None:
    comparison = of_two_times(tmp_path, a_map("web>api 1800 90"))
    causes = {one.cause for one in comparison.differences}

    assert comparison.agree
    assert "calls a second went from 1 to 2 (+100%)" in causes
    assert "the share of calls that fail went from 0.01 to 0.05 (+400%)" in causes
    [shares] = [words.what(one) for one in comparison.differences if one.kind == "errors"]
    assert "0.01," in shares
    assert shares.endswith(" 0.05")


@pytest.mark.parametrize(("most", "agree"), [(0.25, False), (1.5, False), (4.5, True)])
def test_a_change_beyond_the_threshold_fails(tmp_path: Path, most: float, agree: bool) -> None:
    assert of_two_times(tmp_path, a_map("web>api 1800 90"), max_change=most).agree == agree


def test_maps_of_two_times_that_are_alike(tmp_path: Path) -> None:
    assert of_two_times(tmp_path, BEFORE, max_change=0.0).differences == ()


def test_nothing_that_runs_here_has_no_troubles(tmp_path: Path) -> None:
    assert standing_troubles(empty(tmp_path), NOON) == ()


def test_a_filter_that_matches_nothing_is_no_agreement() -> None:
    nothing = Comparison(WINDOW, {"xray": a_map(), "honeycomb": a_map()})

    assert nothing.is_empty
    assert nothing.agree
    assert not Comparison(WINDOW, {"xray": a_map(), "honeycomb": a_map()}, service="nobody").agree
    assert not Comparison(WINDOW, {"xray": a_map(), "honeycomb": a_map()}, contract=()).agree


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("[fd00::1]:80", "[fd00::2]:80", False),
        ("[fd00::1]:80", "[fd00::1]:81", True),
        ("fd00::1", "fd00::2", False),
        ("10.0.0.1:80", "10.0.0.1:81", True),
        ("10.0.0.1:80", "10.0.0.2:80", False),
        ("orders", "10.0.0.2:80", True),
    ],
)
def test_callees_without_spans_under_two_names(one: str, other: str, same: bool) -> None:
    maps = [a_map(f"web>{name}! 7 0") for name in (one, other)]

    assert compared(source("xray", maps[0]), source("cloudwatch", maps[1])).agree == same


def test_two_backends_of_one_pipeline_are_one_witness() -> None:
    """X-Ray and CloudWatch draw the same spans: both may lack what Honeycomb has."""
    comparison = compared(source("honeycomb", BETWEEN), source("xray", LESS), source("cloudwatch", LESS))

    assert {one.odd for one in comparison.differences if one.kind == "requests"} == {("xray", "cloudwatch")}
