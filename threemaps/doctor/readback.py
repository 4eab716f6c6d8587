"""The last link: can what was sent be read again, through each vendor's own API?"""

from collections.abc import Callable
from dataclasses import replace

from threemaps.doctor.check import Check, broken, good, unseen
from threemaps.doctor.walk import Walk
from threemaps.errors import UserError
from threemaps.model.servicemap import Kind, ServiceMap
from threemaps.readers import Backend, open_backend
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.batch import xray_id
from threemaps.readers.pages import pages
from threemaps.readers.traces import xray_spans
from threemaps.settings import SERVICE_LOG_GROUP, SERVICES

LINK = "read back"
TRAFFIC = "threemaps traffic --requests 10 && threemaps doctor"


def check_xray_trace(walk: Walk) -> Check:
    """X-Ray holds the trace of our request."""
    if not walk.trace_id:
        return check_map(walk, "xray")
    what = f"trace {xray_id(walk.trace_id)}"
    return arrives(walk, "X-Ray", what, lambda: bool(xray_spans(walk.settings, walk.trace_id)))


def check_logs(walk: Walk) -> Check:
    """CloudWatch holds a log record with the trace's id."""
    if not walk.trace_id:
        return unseen(LINK, "logs", "a log record with a trace's id: no request was sent")
    if not walk.logs_by_collector:
        return unseen(LINK, "logs", "log records: no service sends them through the collector")
    logs = aws_client(walk.settings, "logs")
    pattern = f'"{walk.trace_id}"'
    start = int((walk.started - 60) * 1000)

    def held() -> bool:
        with reasons(walk.settings, "CloudWatch Logs", "logs:FilterLogEvents"):
            arguments = {"logGroupName": SERVICE_LOG_GROUP, "startTime": start}
            call, what = logs.filter_log_events, f"the log group {SERVICE_LOG_GROUP}"
            found = pages(call, "nextToken", what, **arguments, filterPattern=pattern)
            return any(page["events"] for page in found)

    return arrives(walk, "CloudWatch", f"log record of trace {walk.trace_id}", held)


def check_honeycomb_map(walk: Walk) -> Check:
    return check_map(walk, "honeycomb")


def check_cloudwatch_map(walk: Walk) -> Check:
    return check_map(walk, "cloudwatch")


def check_map(walk: Walk, backend: str) -> Check:
    """Ten minutes of map: at least one edge, where there was traffic. Who else is in it is named."""
    reader = open_backend(backend, walk.settings)
    maps: list[ServiceMap] = []

    def drawn() -> bool:
        maps.append(reader.read_map(walk.window))
        return bool(maps[-1].edges)

    if walk.send:
        check = arrives(walk, backend, "edge of a map", drawn)
        return (
            replace(check, detail=f"{check.detail}{others(maps[-1])}, {how(reader)}") if check.ok else check
        )
    try:
        drawn()
    except UserError as error:
        return broken(LINK, backend, error.message, error.hint)
    seen = f"its map can be read: {len(maps[-1].edges)} edges in ten minutes{others(maps[-1])}, {how(reader)}"
    return good(LINK, backend, seen)


def others(drawn: ServiceMap) -> str:
    """Services besides the demo's, however they send."""
    names = sorted({one.name for one in drawn.nodes if one.kind is Kind.SERVICE} - set(SERVICES))
    return f"; besides the demo's services there are {', '.join(names[:5])}" if names else ""


def how(reader: Backend) -> str:
    """It was read, and what is to be said of that."""
    return " ".join((f"read through {reader.read_through}.", *reader.remarks))


def arrives(walk: Walk, vendor: str, what: str, held: Callable[[], bool]) -> Check:
    try:
        if walk.until(held):
            return good(LINK, vendor, f"{vendor} has the {what}")
    except UserError as error:
        return broken(LINK, vendor, error.message, error.hint)
    return broken(LINK, vendor, f"{vendor} took everything and has no {what}", TRAFFIC)
