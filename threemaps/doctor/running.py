"""The first links of the chain: the services, and the collector that they send to."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from shlex import quote

import requests

from threemaps.demo.processes import records
from threemaps.demo.room import LEAST_ROOM, is_shut, room
from threemaps.diagnose.collector import Sample
from threemaps.doctor.check import Check, broken, good, unseen
from threemaps.doctor.destination import GRPC, HTTP, destination
from threemaps.doctor.expected import expected
from threemaps.doctor.service import first_cause
from threemaps.doctor.subject import LAUNCHER, Subject
from threemaps.doctor.walk import SECONDS, Walk
from threemaps.doctor.wire import Answer, ask
from threemaps.settings import SERVICES

SERVICE, COLLECTOR = "service", "collector"
UP = "threemaps up"
XRAY_MODE = "AWS_XRAY_DAEMON_ADDRESS"


def check_services_up(walk: Walk) -> Check:
    """Every service answers its health check."""
    settings = walk.settings
    silent = [name for name in SERVICES if not walk.answers(f"{settings.url(name)}/api/health")]
    if silent:
        where = ", ".join(f"{name} at {settings.url(name)}" for name in silent)
        return broken(SERVICE, "up", f"no answer from {where}", UP)
    return good(SERVICE, "up", f"{', '.join(SERVICES)} answer")


def check_services(walk: Walk) -> Check:
    """Under the launcher, each by its own name, with variables that fit, and aimed at this collector."""
    subjects, name = otel(walk), "set-up"
    if not subjects:
        return unseen(SERVICE, name, f"how services are set up: none under {LAUNCHER} runs on this machine")
    if problem := next(problems(walk, subjects), None):
        return problem
    modes = [f"{one}: {'otel' if one in subjects else 'xray-sdk'}" for one in walk.services]
    return good(SERVICE, name, f"{', '.join(modes)}; named apart, and they send to the collector")


def problems(walk: Walk, subjects: Mapping[str, Subject]) -> Iterator[Check]:
    names: dict[str, str] = {}
    receivers = {GRPC: walk.settings.url("otlp_grpc"), HTTP: walk.settings.url("otlp_http")}
    for service, subject in subjects.items():
        anew, name = restart(walk, service), subject.get("OTEL_SERVICE_NAME")
        if not subject.launched:
            seen = f"{service} (process {subject.pid}) does not run under {LAUNCHER}"
            yield broken(SERVICE, "launcher", seen, anew)
        if not name:
            yield broken(SERVICE, "names", f"{service} has no OTEL_SERVICE_NAME", anew)
        if (other := names.setdefault(name, service)) != service:
            seen = f"{other} and {service} are both named {name!r}: one node in every map"
            yield broken(SERVICE, "names", seen, anew)
        if found := first_cause(expected(subject, asks=False)):
            step = f"{found.next_step} && {UP}" if service in walk.started_by_us else anew
            yield broken(SERVICE, found.name, f"{service}: {found.detail}", step, found.code)
        there = destination(subject)
        if there.base.replace("localhost", "127.0.0.1") != receivers[there.protocol]:
            seen = f"{service} sends {there.protocol} to {there.base}, and the collector takes it at "
            yield broken(SERVICE, "endpoint", seen + receivers[there.protocol], anew)


def otel(walk: Walk) -> dict[str, Subject]:
    """Those that are not on the X-Ray SDK."""
    return {name: one for name, one in walk.services.items() if not one.get(XRAY_MODE)}


def restart(walk: Walk, name: str) -> str:
    """Ours are started anew by `up`; somebody else's process has to let go of the port first."""
    if name in walk.services and name not in walk.started_by_us:
        return f"kill {walk.services[name].pid} && sleep 1 && {UP}"
    return f"threemaps down && {UP}"


def check_collector_up(walk: Walk) -> Check:
    url = walk.settings.url("health")
    if not walk.answers(url):
        log = walk.settings.logs / "collector.log"
        return broken(COLLECTOR, "up", f"no answer from the collector at {url} (its log: {log})", UP)
    return good(COLLECTOR, "up", f"healthy at {url}{restarted(walk)}")


def restarted(walk: Walk) -> str:
    """No link is broken by it, and whoever misses calls has to know."""
    known = records(walk.settings).load().get("collector")
    if not known or not known.restarts:
        return ""
    last = datetime.fromtimestamp(known.started, UTC)
    return f"; restarts after a panic: {known.restarts}, the last at {last:%H:%M:%S} UTC"


def check_collector_receivers(walk: Walk) -> Check:
    """Both OTLP ports answer, each in its protocol."""
    for name, is_grpc, wanted in (("otlp_http", False, Answer.HTTP1), ("otlp_grpc", True, Answer.HTTP2)):
        host, _, port = walk.settings.url(name).removeprefix("http://").partition(":")
        if ask(host, int(port), secure=False, grpc=is_grpc) is not wanted:
            detail = f"{walk.settings.url(name)} does not speak OTLP: another program has the port"
            return broken(COLLECTOR, "receivers", detail, f"threemaps down; lsof -i :{port}; {UP}")
    return good(COLLECTOR, "receivers", "OTLP over HTTP and gRPC answers")


def check_request(walk: Walk) -> Check:
    """A request of our own, to be followed through the chain."""
    if not walk.send:
        return unseen(SERVICE, "request", "none sent")
    walk.before = walk.metrics()
    url, anew = walk.settings.url("frontend_api") + "/api/activities/home", restart(walk, "frontend_api")
    try:
        answer = walk.session.get(url, timeout=SECONDS * 3)
    except requests.RequestException as error:
        return broken(SERVICE, "request", f"{url} gives no answer ({type(error).__name__})", anew)
    walk.trace_id = answer.headers.get("X-Trace-Id", "")
    if not answer.ok:
        return broken(SERVICE, "request", f"{url} answers {answer.status_code}", "threemaps fault --clear")
    if not walk.trace_id.strip("0"):
        return broken(SERVICE, "request", f"{url} answered without a trace", anew)
    return good(SERVICE, "request", f"{url} answered; its trace is {walk.trace_id}")


def check_collector_room(walk: Walk) -> Check:
    """On a full disk the collector takes nothing in, and says so only to those who send."""
    state, left = walk.settings.state, room(walk.settings)
    if left < LEAST_ROOM or is_shut(walk.settings):
        detail = f"the disk of {state} has {left / 1e6:.0f} MB left: the collector takes nothing in"
        return broken(COLLECTOR, "room", detail, f"df -h {quote(str(state))} && du -sh {quote(str(state))}/*")
    return good(COLLECTOR, "room", f"the disk of {state} has {left / 1e9:.1f} GB left")


def check_collector_accepts(walk: Walk) -> Check:
    """Its spans reach the collector."""
    if not walk.send:
        return unseen(COLLECTOR, "accepts", "whether the collector accepts spans: no request was sent")
    before = accepted(walk.before)
    if not walk.until(lambda: accepted(walk.metrics()) > before):
        detail = "no span of a request arrived at the collector"
        return broken(COLLECTOR, "accepts", detail, f"tail {walk.settings.logs / 'frontend_api.log'}")
    return good(COLLECTOR, "accepts", "the request's spans arrived")


def accepted(samples: list[Sample]) -> float:
    return sum(one.value for one in samples if one.name == "receiver_accepted_spans")
