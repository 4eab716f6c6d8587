"""Break something: five steps, each with what every map shows of it and why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from threemaps.demo.faults import NO_FAULT, bring_about, require_local
from threemaps.errors import UserError
from threemaps.model.servicemap import Kind
from threemaps.render import numbers
from threemaps.render.grouping import Link
from threemaps.render.names import markup, title
from threemaps.render.scene import Figures, Scene
from threemaps.settings import SERVICES, Settings
from threemaps.web import chain_faults, tries

BROKEN = SERVICES[-1]
REQUESTS = 20
FAILED = {"visualize": "COUNT", "where": "error = true", "group_by": "service.name"}


@dataclass(frozen=True, slots=True)
class Step:
    """`shows`: backend → what its map shows. `broken`: what is done; `by_hand`: the same in a terminal."""

    key: str
    title: str
    button: str
    what: str
    shows: Mapping[str, str]
    why: str
    by_hand: str
    broken: Callable[[Settings], str]
    ask: Mapping[str, str] = field(default_factory=dict)  # a question to Honeycomb that shows it


def _fault(name: str) -> Callable[[Settings], str]:
    return lambda settings: tries.set_fault(settings, BROKEN, name)


STEPS = (
    Step(
        "slow",
        "A slow service",
        f"Make {BROKEN} slow",
        f"{BROKEN} answers 400 ms later, and whoever calls it waits.",
        {
            "honeycomb": "No more than the count rises: its map has calls and no times.",
            "xray": f"The mean of both edges into {BROKEN} rises, and the p95 of all who wait for it.",
            "cloudwatch": "The same as X-Ray: Application Signals has the times of each edge.",
        },
        "Honeycomb keeps times in spans, not on the map's edges. A question finds them at once.",
        f"threemaps fault {BROKEN} --latency 400ms",
        _fault("slow"),
        {"visualize": "HEATMAP(duration_ms)"},
    ),
    Step(
        "failing",
        "A failing service",
        f"Make {BROKEN} fail",
        f"Half of the requests to {BROKEN} end with status 500.",
        {
            "honeycomb": "The edges stay as they are: its map has no errors.",
            "xray": f"Both edges into {BROKEN} turn red with the share that failed, its ring too.",
            "cloudwatch": "The same share of failures on the same edges.",
        },
        "A 5xx is a fault to X-Ray and to Application Signals. The callers get along without the answer: "
        "nothing is red between outside and frontend_api. Rollbar has the exception under Errors.",
        f"threemaps fault {BROKEN} --errors 0.5",
        _fault("failing"),
        FAILED,
    ),
    Step(
        "dead",
        "A dead service",
        f"Let {BROKEN} die",
        f"{BROKEN} closes every connection without an answer.",
        {
            "honeycomb": f"No call to {BROKEN} is added: it draws only services that send spans.",
            "xray": f"A remote named {BROKEN}, drawn from what its callers say, and all calls to it failed.",
            "cloudwatch": f"The failed calls to {BROKEN}, from its callers' spans as well.",
        },
        "Who is dead sends no span. Only the caller's span knows of the call: a map that is drawn from "
        "the callee's spans looks well, with fewer calls.",
        f"threemaps fault {BROKEN} --down",
        _fault("dead"),
        FAILED,
    ),
    Step(
        "stopped",
        "No collector",
        "Stop the collector",
        "The services answer as before; their spans have nowhere to go.",
        {
            "honeycomb": "Stands still. Nothing turns red.",
            "xray": "Stands still.",
            "cloudwatch": "Stands still.",
        },
        "A map is drawn from spans, and silence looks like no traffic. Only who looks at the chain notices: "
        "the strip above the maps names the collector. What services cannot hand on is lost after a while.",
        "kill the process that `threemaps status` names; `threemaps up` starts it again",
        chain_faults.stop_collector,
    ),
    Step(
        "key",
        "A wrong key",
        "Use a wrong key",
        "Honeycomb refuses every batch that the collector sends with this key.",
        {
            "honeycomb": "Stands still, falls behind the others and is marked with how many calls it lacks.",
            "xray": "Goes on counting.",
            "cloudwatch": "Goes on counting.",
        },
        "Each pipeline has its own queue on disk. What Honeycomb refuses waits there and nothing is lost: "
        "put it right, and its map catches up. The difference below has the refusal as its cause.",
        "HONEYCOMB_API_KEY=wrong THREEMAPS_BACKENDS=honeycomb threemaps up",
        chain_faults.use_wrong_key,
    ),
)


def offered(settings: Settings) -> list[Step]:
    """Those that can be taken here: in containers the collector is somebody else's to stop."""
    if not tries.offered(settings):
        return []
    chain = chain_faults.is_ours(settings)
    return [step for step in STEPS if chain or step.key not in ("stopped", "key")]


def take(settings: Settings, key: object) -> str:
    """Puts everything else right, breaks this, and sends some requests."""
    step = next((one for one in offered(settings) if one.key == key), None)
    if step is None:
        raise UserError(f"{str(key)[:40]!r} is no step of the tour")
    mend(settings)
    return f"{step.broken(settings)}. {tries.send(settings, REQUESTS)}"


def mend(settings: Settings) -> str:
    require_local(settings)
    for service, state in tries.states(settings).items():
        if state != "well":
            bring_about(settings, service, NO_FAULT)
    said = [chain_faults.put_right(settings)] if chain_faults.is_ours(settings) else []
    return "; ".join(["every service is as it should be", *said])


def now(scene: Scene) -> str:
    """What each map shows at this moment of the calls to the service that the tour breaks."""
    links = [link for link in scene.links if any(node.name == BROKEN for node in link.target.members)]
    texts = {
        name: _calls(scene, name, links) if found else "could not be read"
        for name, found in scene.comparison.maps.items()
    }
    rows = "".join(f"<dt>{markup(title(name))}</dt><dd>{text}</dd>" for name, text in texts.items())
    return f"<dl>{rows}</dl>"


def _calls(scene: Scene, source: str, links: list[Link]) -> str:
    found = [(link, scene.of_link(source, link)) for link in links]
    lines = [_call(link, one) for link, one in found if one.state == "drawn"]
    return "<br>".join(lines) or f"no call to {BROKEN}"


def _call(link: Link, figures: Figures) -> str:
    remote = " (remote)" if link.target.kind is Kind.REMOTE else ""
    parts = [f"{numbers.count(figures.requests)} calls"]
    if figures.errors and figures.requests:
        parts.append(f'<b class="failed">{numbers.share(figures.errors, figures.requests)} failed</b>')
    if figures.mean_ms is not None:
        parts.append(numbers.short_duration(figures.mean_ms))
    if figures.delta:
        parts.append(f"<b>{numbers.signed(figures.delta)}</b>")
    return f"{markup(link.source.name)} → {markup(link.target.name)}{remote}: {', '.join(parts)}"
