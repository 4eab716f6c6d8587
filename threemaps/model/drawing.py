"""How each backend draws a call: the one table that causes, documentation and the stand-ins' tests use.

Three parts: what a backend draws and reports at all (`DRAWINGS`), which moment puts a call into a window
(`Drawing.counted`), and calls of an unusual shape (`SHAPES`), each with its spans and the edges that every
backend makes of them. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from threemaps.model.servicemap import Edge, Kind, Node
from threemaps.model.spans import REMOTE, Ends, TracedSpan

HONEYCOMB, XRAY, CLOUDWATCH = "honeycomb", "xray", "cloudwatch"
EVERYBODY = frozenset((HONEYCOMB, XRAY, CLOUDWATCH))


class Moment(StrEnum):
    """What has to lie in a window for a call to be counted in it."""

    CALLEE_STARTS = "the start of the callee's span"
    CALLEE_ENDS = "the end of the callee's segment"
    CALLER_ENDS = "the end of the caller's span, in whole minutes"


@dataclass(frozen=True, slots=True)
class Drawing:
    """One backend. An empty text means that it does not draw or report the thing."""

    title: str
    outside: str
    remote: str
    itself: str
    alone: str
    partly_down: str
    errors: str
    mean: str
    p95: str
    timed: str
    counted: Moment

    def draws(self, edge: Edge) -> bool:
        """Whether the backend has a way to show such an edge at all."""
        kinds = {end.kind for end in edge.key}
        if (Kind.OUTSIDE in kinds and not self.outside) or (Kind.REMOTE in kinds and not self.remote):
            return False
        return edge.source != edge.target or bool(self.itself)


# Field of `Drawing` → what the row is called in docs/compare.md.
ROWS: Mapping[str, str] = {
    "outside": "a caller from outside",
    "remote": "a callee that is down or sends no spans",
    "itself": "a call of a service to itself",
    "alone": "a service without calls",
    "partly_down": "a callee that answers some calls and is down for others",
    "errors": "errors",
    "mean": "mean latency",
    "p95": "p95 latency",
    "timed": "a call is timed by",
    "counted": "a call is in the window of",
}

DRAWINGS: Mapping[str, Drawing] = {
    HONEYCOMB: Drawing(
        title="Honeycomb",
        outside="",
        remote="",
        itself="",
        alone="",
        partly_down="one edge, answered calls only",
        errors="by query",
        mean="",
        p95="by query",
        timed="the callee's span",
        counted=Moment.CALLEE_STARTS,
    ),
    XRAY: Drawing(
        title="X-Ray",
        outside="`outside`",
        remote="remote",
        itself="edge",
        alone="node",
        partly_down="two edges: to the service, and to a remote of its name",
        errors="`fault`",
        mean="per edge",
        p95="from the histogram",
        timed="the caller's subsegment, else the callee's segment",
        counted=Moment.CALLEE_ENDS,
    ),
    CLOUDWATCH: Drawing(
        title="CloudWatch",
        outside="`outside`: a service's own figures beyond its callers'",
        remote="remote",
        itself="edge",
        alone="",
        partly_down="one edge with all calls",
        errors="`Fault`",
        mean="`Average`",
        p95="percentile",
        timed="the caller's span; from outside, the callee's",
        counted=Moment.CALLER_ENDS,
    ),
}


def title(backend: str, otherwise: str = "") -> str:
    """What a backend is called in a sentence; a file has the name that it was given."""
    drawing = DRAWINGS.get(backend)
    return drawing.title if drawing else otherwise or backend


def draws(backend: str, edge: Edge) -> bool:
    drawing = DRAWINGS.get(backend)
    return drawing is None or drawing.draws(edge)


@dataclass(frozen=True, slots=True)
class Shape:
    """Calls of one unusual shape: its spans, and the edges that each backend draws of them.

    `spans`: `id(parent) service kind`, separated by commas, `failed` behind it for a fault; `id(parent*)`:
    the span's flags say that its parent is in another process. A parent that is not among them never came.
    `edges`: `caller>callee`, `(outside)` for callers from outside, `!` for a callee without a name.
    """

    name: str
    spans: str
    edges: Mapping[str, str]
    cause: str
    advice: str


SHAPES: tuple[Shape, ...] = (
    Shape(
        "the caller's calls come, the span that it was called in does not",
        "c(b) web client, d(c) api server",
        {HONEYCOMB: "web>api", XRAY: "(outside)>api", CLOUDWATCH: "web>api"},
        "the caller's calls came, but not the span in which it was called itself: X-Ray draws calls of "
        "whole segments only, and what was called as from outside",
        "have the caller export the span that it serves its requests in, too",
    ),
    Shape(
        "a service was called and has no span of kind server or consumer there",
        "a() web server, b(a) web client, c(b) api internal",
        {HONEYCOMB: "web>api", XRAY: "(outside)>web web>!", CLOUDWATCH: "(outside)>web web>api"},
        "a service was called and has no span of kind server or consumer there: Honeycomb and CloudWatch "
        "draw the call, and X-Ray takes the service's work for its caller's, unless the span's flags tell",
        "give the span in which the service begins the kind SERVER or CONSUMER",
    ),
    Shape(
        "a server's span below a server's or an internal one",
        "a() web server, c(a) api server",
        {HONEYCOMB: "web>api", XRAY: "(outside)>web web>api", CLOUDWATCH: "(outside)>web (outside)>api"},
        "the callee's span hangs below a span that is no client's: CloudWatch counts calls by the spans of "
        "clients and producers, and takes what was called for called from outside",
        "instrument the caller's client library (requests, httpx, grpc, kafka …)",
    ),
    Shape(
        "several servers' or consumers' spans below one client's or producer's",
        "a() web server, b(a) web producer, c(b) mail consumer, d(b) log consumer",
        {
            HONEYCOMB: "web>mail web>log",
            XRAY: "(outside)>web web>mail web>log",
            CLOUDWATCH: "(outside)>web (outside)>log web>mail mail>! log>!",
        },
        "one span of a client or producer reached several callees: CloudWatch counts the caller's span, once",
        "none needed where one message has several readers; else make a client's span for each call",
    ),
    Shape(
        "a consumer's span",
        "a() web server, b(a) web producer, c(b) mail consumer",
        {
            HONEYCOMB: "web>mail",
            XRAY: "(outside)>web web>mail",
            CLOUDWATCH: "(outside)>web web>mail mail>!",
        },
        "Application Signals counts a consumer's span as a call of its messaging system as well",
        "none needed",
    ),
    Shape(
        "a name by which only some calls are answered",
        "a() web server, b(a) web client, c(b) api server, d(a) web client",
        {
            HONEYCOMB: "web>api",
            XRAY: "(outside)>web web>api web>!",
            CLOUDWATCH: "(outside)>web web>api web>api",
        },
        "some calls by this name were answered and some not: X-Ray draws the latter to a remote of that "
        "name, CloudWatch takes all calls by a name for calls of the one service that answers them",
        "look at why they were not answered: a trace of one, the callee's log",
    ),
    Shape(
        "a call that failed for one of its two sides",
        "a() web server, b(a) web client, c(b) api server failed",
        {HONEYCOMB: "web>api", XRAY: "(outside)>web web>api", CLOUDWATCH: "(outside)>web web>api"},
        "the caller and the callee do not agree on whether a call failed: X-Ray counts a fault where either "
        "does, CloudWatch where the caller does, Honeycomb where the callee does",
        "none needed for the maps; timeouts, retries and proxies in between make a call fail for one side",
    ),
    Shape(
        "two server spans of one service for one call (two SDKs in one app)",
        "a() web server, b(a) web client, c(b) api server, d(b) api server",
        {
            HONEYCOMB: "web>api web>api",
            XRAY: "(outside)>web web>api web>api",
            CLOUDWATCH: "(outside)>web (outside)>api web>api",
        },
        "one call has two server spans in one service, as with the X-Ray SDK and OpenTelemetry in one app: "
        "Honeycomb and X-Ray count the call twice, CloudWatch counts the second as from outside",
        "take one of the two out of the app: each request is to begin one span there",
    ),
)


def spans_of(shape: Shape) -> list[TracedSpan]:
    """The spans of a shape, as one trace."""
    found = []
    for text in shape.spans.split(", "):
        own, service, kind, *failed = text.split()
        name, _, parent = own.removesuffix(")").partition("(")
        entered = parent.endswith("*")
        found.append(
            TracedSpan(shape.name, name, parent.removesuffix("*"), service, kind, entered, fault=bool(failed))
        )
    return found


def edges_of(shape: Shape, backend: str) -> list[Ends]:
    """The edges that the backend draws of a shape, one for each call."""
    return [_ends(text) for text in shape.edges[backend].split()]


def _ends(text: str) -> Ends:
    source, target = text.split(">")
    caller = Node.outside() if source == "(outside)" else Node(source)
    return caller, REMOTE if target == "!" else Node(target)


def as_markdown() -> str:
    """The table of docs/compare.md."""
    lines = ["| on the same traffic | " + " | ".join(one.title for one in DRAWINGS.values()) + " |"]
    lines.append("|---" * (len(DRAWINGS) + 1) + "|")
    known = {field.name for field in fields(Drawing)}
    for name, row in ROWS.items():
        assert name in known
        cells = [str(getattr(one, name)) or "–" for one in DRAWINGS.values()]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shapes_as_markdown() -> str:
    """The table of unusual shapes in docs/compare.md."""
    lines = ["| shape | " + " | ".join(one.title for one in DRAWINGS.values()) + " |"]
    lines.append("|---" * (len(DRAWINGS) + 1) + "|")
    for shape in SHAPES:
        cells = [shape.edges[name].replace(">", " → ").replace("!", "remote") or "–" for name in DRAWINGS]
        cells = [cell.replace("(outside)", "outside") for cell in cells]
        lines.append(f"| {shape.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
