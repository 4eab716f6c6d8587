"""The way from the collector to one backend: keys, queues, what was given up, what receivers refused."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from threemaps.diagnose.asking import Asking, now
from threemaps.diagnose.case import DOCTOR, Case, Check, Reason, Subject, at
from threemaps.diagnose.collector import WAYS, Collector, ExportPath, read_collector
from threemaps.diagnose.losses import SentAgain, losses, may_be_twice
from threemaps.model.difference import DifferenceKind
from threemaps.model.drawing import title
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.base import UnreadableError
from threemaps.readers.honeycomb_account import ask_auth
from threemaps.settings import LOCAL_INGEST_KEY, Settings

NEW_KEY = (
    "set HONEYCOMB_API_KEY to an ingest key of this environment, then `threemaps down` and `threemaps up`"
)
NEW_CREDENTIALS = (
    "check the AWS credentials and their policy (aws/ has one), then `threemaps down` and `threemaps up`"
)
COUNTS = (DifferenceKind.REQUESTS, DifferenceKind.ERRORS)
SMALLEST_SPAN = 60  # bytes: ids, times and a name; a missing call lacks one at least
MOVES_ON = timedelta(seconds=10)  # a queue in which nothing fails holds nothing for so long
# As a status of its own: the same digits may be in an address or an id.
OF_A_KEY = re.compile(
    r"(?<![\w:.])40[13](?!\w|\.\d)"
    r"|unauthenticated|unauthorized|forbidden|api key|accessdenied|not authorized|signature",
    re.IGNORECASE,
)


def look(
    asking: Asking,
) -> tuple[list[Subject], "PastTheCollector | None", "RefusedByReceivers | None"]:
    """What has a proof; what adds to what traces prove; what has no proof and so is asked last."""
    settings = asking.settings
    problems: dict[str, str] = {}
    known: set[str] = set()
    for question, backends in KEYS.items():
        problem = asking.ask(f"the key for {' and '.join(backends)}", partial(question, settings))
        if problem is not None:
            known.update(backends)
            problems |= {backend: problem for backend in backends if problem}
    collector = asking.ask(
        "the collector's own metrics", lambda: read_collector(settings, asking.window.start)
    )
    moment = now()
    rejected = RejectedKey(problems, frozenset(known), collector, moment)
    again = CountedTwice({one.who: one for one in may_be_twice(settings, asking.window.start)})
    if collector is None:
        return [rejected, again], None, None
    backlog = Backlog(collector, moment, asking.window.end)
    lost = any("metrics" not in one.who for one in losses(settings))
    past = PastTheCollector(collector, moment, asking.window.start, lost)
    return [rejected, backlog, again, GivenUp(collector, moment)], past, RefusedByReceivers(collector, moment)


@dataclass(frozen=True, slots=True)
class RejectedKey:
    problems: Mapping[str, str]  # backend → what it says of the key
    known: frozenset[str]  # backends whose keys were looked at
    collector: Collector | None
    moment: datetime

    def reason(self, case: Case) -> Reason | Check | None:
        backend = case.diverging.backend
        if not case.short:
            return None
        path = self.collector.path(backend) if self.collector else ExportPath()
        lines = path.log_lines if path.fails_at(self.moment) else ()
        line = next((line for line in lines if OF_A_KEY.search(line)), "")
        problem = self.problems.get(backend, "")
        if not problem and not line:
            if backend not in self.known:
                return None  # why not is said once for all
            return Check(f"the key for {case.title}: nothing refuses it ({at(self.moment)})")
        return Reason(
            f"{case.title} rejects the key that the collector sends with",
            NEW_KEY if backend == "honeycomb" else NEW_CREDENTIALS,
            tuple(f"{text} ({at(self.moment)})" for text in (problem, line) if text),
        )


@dataclass(frozen=True, slots=True)
class Backlog:
    """A queue is the cause only of what it can hold: so many spans, none that would have left it by now."""

    collector: Collector
    moment: datetime
    window_end: datetime | None = None

    def reason(self, case: Case) -> Reason | Check | None:
        path = self.collector.path(case.diverging.backend)
        if not case.short or case.diverging.backend not in self.collector.paths:
            return None
        if not path.queued:
            return Check(f"the collector's queue to {case.title}: it is empty ({at(self.moment)})")
        holds = f"the queue holds {path.queued:,} bytes of {path.capacity:,} ({at(self.moment)})"
        missing = case.usual - case.said
        if missing * SMALLEST_SPAN > path.queued:
            few = f"too few for {missing:,.0f} calls"
            return Check(f"the collector's queue to {case.title}: {holds}, {few}")
        fails = path.fails_at(self.moment)
        if self.window_end and not fails and self.moment - self.window_end > MOVES_ON:
            return Check(f"the collector's queue to {case.title}: {holds}, moves on, and has later calls")
        return Reason(
            f"the queue to {case.title} is still draining: the collector holds what is missing and "
            "keeps trying",
            f"wait and compare again; if the queue does not shrink, {case.title} is not reached: {DOCTOR}",
            (holds, *(path.log_lines[:1] if fails else ())),
        )


@dataclass(frozen=True, slots=True)
class PastTheCollector:
    """Both vendors were sent the same since before the window, and one has spans that the other lacks."""

    collector: Collector
    moment: datetime
    window_start: datetime
    lost: bool  # whether anything was dropped, ever
    absent: Sequence[Subject] = ()  # what proves that they are lacking

    def reason(self, case: Case) -> Reason | Check | None:
        started = self.collector.started
        ways = [self.collector.path(backend) for backend in ("honeycomb", "xray")]
        if not case.short or started is None or started > self.window_start or self.lost:
            return None
        sent = {way.sent for way in ways}
        if len(sent) > 1 or any(way.queued or way.failed or way.not_queued for way in ways):
            return None
        for subject in self.absent:
            found = subject.reason(case)
            if isinstance(found, Reason) and not found.expected:
                cause = f"{found.cause}; or they came past the collector, which has sent both the same spans"
                seen = (
                    f"{sent.pop():,} spans sent to each since {at(started)}, none waits ({at(self.moment)})"
                )
                return replace(found, cause=cause, evidence=(*found.evidence, seen))
        return None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What was not queued is not lost by that: its sender was refused, and may have sent it again."""

    collector: Collector
    moment: datetime

    def reason(self, case: Case) -> Reason | Check | None:
        path = self.collector.path(case.diverging.backend)
        if not case.short or case.diverging.backend not in self.collector.paths:
            return None
        if not path.failed + path.not_queued:
            return Check(f"the export path to {case.title}: it has given up nothing ({at(self.moment)})")
        cause = f"the collector gave up {path.failed} spans on the way to {case.title}: the answer was final"
        if not path.failed:
            cause = (
                f"the collector could not queue {path.not_queued} spans for {case.title} and refused them"
                f"{why_not_queued(path.log_lines)}: what their senders did not send again is missing"
            )
        return Reason(
            cause,
            "repair what the log line says; what was given up does not come back: compare a window after it",
            (
                f"failed for good: {path.failed}, not queued: {path.not_queued}, since the collector's start "
                f"({at(self.moment)})",
                *path.log_lines[:1],
            ),
        )


@dataclass(frozen=True, slots=True)
class CountedTwice:
    """One vendor has more than the others, and was sent at least that much again."""

    again: Mapping[str, SentAgain]  # by the receiver of the vendor

    def reason(self, case: Case) -> Reason | Check | None:
        if case.difference.kind not in COUNTS:
            return None
        least = min(case.says(one) for one in case.sources)
        for one in case.sources:
            ends = WAYS[one.backend].ends if one.backend in WAYS else ()
            found = next((self.again[end] for end in ends if end in self.again), None)
            if found and 0 < case.says(one) - least <= found.count:
                who = title(one.backend, one.name)
                cause = f"{who} may count calls twice: the collector sent it spans again, as no answer came"
                return Reason(cause, found.advice, (str(found),))
        return None


def why_not_queued(log_lines: Sequence[str]) -> str:
    """As the queue says it in the log; nothing where it does not."""
    said = " ".join(log_lines)
    if "no space left" in said:
        return ", as the disk was full"
    return ", as its queue was full" if "queue is full" in said else ""


@dataclass(frozen=True, slots=True)
class RefusedByReceivers:
    """A total since the collector's start, of all services: no proof, and said so."""

    collector: Collector
    moment: datetime

    def reason(self, case: Case) -> Reason | Check | None:
        refused = self.collector.refused
        missing = max(1, case.usual - case.said)
        if not case.short:
            return None
        if refused < missing:
            return Check(
                f"the collector's receivers: they have refused {refused} spans, and {missing:g} calls are "
                f"missing ({at(self.moment)})"
            )
        return Reason(
            f"the collector has refused {refused} spans since it started: what is missing may be among them",
            "give the collector more memory (memory_limiter), or send less at once; compare a later window",
            (f"otelcol_receiver_refused_spans is {refused}, of all services, any time ({at(self.moment)})",),
        )


def honeycomb_key_problem(settings: Settings) -> str:
    """What /1/auth says of the key that the collector sends with; nothing when it is good."""
    real = settings.honeycomb_is_real
    key = settings.get("HONEYCOMB_API_KEY") if real else LOCAL_INGEST_KEY
    if not key:
        return "HONEYCOMB_API_KEY is not set"
    auth = ask_auth(settings.honeycomb_api, key)
    if auth.status in (401, 403):
        return f"HONEYCOMB_API_KEY: Honeycomb does not know the key ({auth.error})"
    if auth.status != 200:
        raise UnreadableError(f"{settings.honeycomb_api}/1/auth answers {auth.status or auth.error}")
    return ""


def aws_key_problem(settings: Settings) -> str:
    """What STS says of the credentials; nothing when they are good."""
    with reasons(settings, "STS", "sts:GetCallerIdentity"):
        client = aws_client(settings, "sts")
        try:
            client.get_caller_identity()
        except client.exceptions.ClientError as error:
            return f"STS: {error.response.get('Error', {}).get('Code', 'refused')}"
    return ""


KEYS: Mapping[Callable[[Settings], str], tuple[str, ...]] = {
    honeycomb_key_problem: ("honeycomb",),
    aws_key_problem: ("xray", "cloudwatch"),
}
