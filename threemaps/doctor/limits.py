"""Somebody else's service: the figures by which its spans are gathered and sent."""

import math

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.destination import GRPC, protocol
from threemaps.doctor.subject import Subject

LINK = "environment"
MOST_DELAY = 60_000  # milliseconds
DELAY = "OTEL_BSP_SCHEDULE_DELAY"
QUEUE = "OTEL_BSP_MAX_QUEUE_SIZE"
BATCH = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
DEFAULTS = {DELAY: 5000, QUEUE: 2048, BATCH: 512}
TIMEOUTS = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")


def check_delay(subject: Subject) -> Check:
    """Spans wait that long before they are sent, and most programs end before."""
    delay = figure(subject, DELAY)
    if delay <= 0:
        detail = f"{DELAY}={delay}: the SDK takes milliseconds above 0 only, and sets up nothing"
        return broken(LINK, "delay", detail, subject.setting(DELAY, ""))
    if delay > MOST_DELAY:
        detail = f"{DELAY}={delay}: milliseconds, so spans are sent every {delay // 1000} s"
        return broken(LINK, "delay", detail, subject.setting(DELAY, ""))
    return good(LINK, "delay", f"sent every {delay} ms")


def check_batches(subject: Subject) -> Check:
    """A queue that holds a batch, or the SDK sets up nothing."""
    queue, batch = figure(subject, QUEUE), figure(subject, BATCH)
    for name, size in ((QUEUE, queue), (BATCH, batch)):
        if size <= 0:
            detail = f"{name}={size}: the SDK takes spans above 0 only, and sets up nothing"
            return broken(LINK, "batches", detail, subject.setting(name, ""))
    if batch > queue:
        detail = f"{QUEUE}={queue} holds no batch of {batch} ({BATCH}): the SDK sets up nothing"
        return broken(LINK, "batches", detail, subject.setting(BATCH, str(queue)))
    return good(LINK, "batches", f"{batch} spans of a queue of {queue}")


def figure(subject: Subject, name: str) -> int:
    """What the SDK reads: its default where the text is no number."""
    try:
        return int(subject.get(name))
    except ValueError:
        return DEFAULTS[name]


def check_timeout(subject: Subject) -> Check:
    """The exporter gives up before it has tried when it has no time for that."""
    is_grpc = protocol(subject) == GRPC
    name = next((name for name in TIMEOUTS if decides(subject, name, is_grpc)), "")
    text = subject.environ.get(name, "10")
    seconds = number(text)
    if seconds is None and is_grpc:
        detail = f"{name}={text} is no number of seconds, and the exporter over gRPC fails on it"
        return broken(LINK, "timeout", detail, subject.setting(name, ""))
    if seconds is not None and not 0 < seconds < math.inf:
        detail = f"{name}={text}: seconds, and the exporter has none to send anything in"
        return broken(LINK, "timeout", detail, subject.setting(name, ""))
    return good(LINK, "timeout", f"{10 if seconds is None else seconds:g} s")


def decides(subject: Subject, name: str, is_grpc: bool) -> bool:
    """gRPC reads an empty one too, and asks the next when that for traces is 0. HTTP does neither."""
    if not is_grpc:
        return bool(subject.get(name))
    return name in subject.environ and (name == TIMEOUTS[-1] or number(subject.environ[name]) != 0)


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
