"""The pipelines of the collector: does what came in go out again, and what do its exporters say?"""

import re
import time

from threemaps.diagnose.collector import Sample
from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.transaction_search import turn_on
from threemaps.doctor.walk import FLOW_SECONDS, PIPELINES, POLL, Complaint, Walk, of, quoted
from threemaps.settings import Settings

LINK = "pipeline"
NEARLY_FULL = 0.8
HELD_SECONDS = 5.0  # longer than the longest pause between two tries
# With a queue that only divides a request: what it fails in travels back, too.
SPLITTERS = ("_late", "_parts")  # ends of exporters' names
AWS_KEYS = "export AWS_ACCESS_KEY_ID=YOUR_KEY_ID AWS_SECRET_ACCESS_KEY=YOUR_SECRET"
# As SDKs name it, and as the OTLP endpoints write it out.
WRONG_AWS_KEYS = (
    "InvalidSignature|UnrecognizedClient|InvalidClientTokenId|IMDS|credentials"
    "|request signature we calculated|security token .* is invalid"
)
POLICY = "--policy-name threemaps-collector --policy-document file://aws/iam-collector.json"


def check_pipelines(walk: Walk) -> Check:
    """Sent on every pipeline since our request, nothing given up, no queue about to overflow."""
    waiting = set(PIPELINES) if walk.send else set()
    waiting -= set() if walk.logs_by_collector else {"cloudwatch logs"}
    deadline = time.monotonic() + FLOW_SECONDS
    patience = time.monotonic() + HELD_SECONDS
    while True:
        samples, complaints = walk.metrics(), walk.complaints()
        if not samples:
            url = walk.settings.url("collector_metrics")
            return broken(LINK, "metrics", f"the collector gives no metrics at {url}", "threemaps up")
        waiting = {pipeline for pipeline in waiting if sent(samples, pipeline) <= sent(walk.before, pipeline)}
        late = time.monotonic() > deadline
        held = False
        for pipeline in PIPELINES:
            said = [one for one in complaints if PIPELINES[pipeline] in one.exporter]
            is_held = held_up(walk, pipeline, samples, said, waits=pipeline in waiting)
            trouble = trouble_of(walk, pipeline, samples, said, waits=pipeline in waiting, late=late)
            if is_held and time.monotonic() > patience:
                trouble = trouble or f"its queue waits: {quoted(said)}"
            if trouble:
                return broken(
                    LINK, pipeline, f"{pipeline}: {trouble}", advice(trouble, pipeline, walk.settings)
                )
            held |= is_held
        if not waiting and not held:
            return good(LINK, "pipelines", f"{', '.join(PIPELINES)}: nothing waits, nothing was given up")
        time.sleep(POLL)


def sent(samples: list[Sample], pipeline: str) -> float:
    return of(samples, "exporter_sent_", pipeline, end=True)


def held_up(walk: Walk, pipeline: str, samples: list[Sample], said: list[Complaint], *, waits: bool) -> bool:
    """It complains and waits. Right after a start that is over in a moment: who began first found nobody."""
    return bool(said) and (waits if walk.send else of(samples, "exporter_queue_size", pipeline) > 0)


def trouble_of(
    walk: Walk, pipeline: str, samples: list[Sample], said: list[Complaint], *, waits: bool, late: bool
) -> str:
    """Why this pipeline is broken, or nothing."""
    gone = given_up(samples, pipeline) - given_up(walk.before, pipeline)
    if walk.send and gone > 0 and said:
        return f"{gone:.0f} items were given up: {quoted(said)}"
    size, capacity = (of(samples, f"exporter_queue_{name}", pipeline) for name in ("size", "capacity"))
    if capacity and size > NEARLY_FULL * capacity:
        return f"its queue is {size / capacity:.0%} full: {quoted(said)}"
    if refused := [one for one in said if one.refused_in_a_200]:
        return f"the vendor refused some of what it was sent: {quoted(refused)}"
    return f"nothing was sent within {FLOW_SECONDS} s; {quoted(said)}" if waits and late else ""


def given_up(samples: list[Sample], pipeline: str) -> float:
    """What an end refuses travels back to the queue; only what that gives up is lost."""
    counters = ("exporter_send_failed_", "exporter_enqueue_failed_")
    queued = [
        one
        for one in samples
        if "exporter" in one.labels
        and is_queue(one, samples)
        and not one.labels["exporter"].endswith(SPLITTERS)
    ]
    return sum(of(queued, name, pipeline) for name in counters)


def is_queue(sample: Sample, samples: list[Sample]) -> bool:
    owner = sample.labels["exporter"]
    return any(
        one.name == "exporter_queue_capacity" and one.labels.get("exporter") == owner for one in samples
    )


def advice(said: str, pipeline: str, settings: Settings) -> str:
    """What to type, by what the vendor answered."""
    if "Trace Segment Destination" in said:
        return turn_on(settings)
    if re.search(r"specified log (group|stream) does not exist", said):
        return "threemaps provision"
    is_honeycomb = pipeline == "honeycomb"
    is_real = settings.honeycomb_is_real if is_honeycomb else settings.aws_is_real
    if not is_real:
        log = settings.logs / ("honeycomb.log" if is_honeycomb else "aws.log")
        return (
            "threemaps up"
            if re.search(r"connection refused|no such host|EOF|reset|deadline exceeded|[Tt]ime ?out", said)
            else f"tail {log}"
        )
    if re.search(r"\b401\b|unknown API key|Unauthenticated", said):
        return "export HONEYCOMB_API_KEY=YOUR_INGEST_KEY && threemaps up"
    if re.search(r"ExpiredToken|security token .* is expired", said):
        return "aws sso login && threemaps up"
    if re.search(r"AccessDenied|not authorized", said):
        return f"aws iam create-policy {POLICY}"
    if re.search(WRONG_AWS_KEYS, said):
        return f"{AWS_KEYS} && threemaps up"
    if re.search(r"\b429\b|[Tt]hrottl", said):
        return "threemaps spend"
    return f"tail {settings.logs / 'collector.log'}"
