"""What the vendors say, beyond the map: of keys, of sampling, of single traces and of the clocks in them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from statistics import median
from typing import Any

import orjson

from threemaps.diagnose.evidence.model import Sampling
from threemaps.model.difference import Window
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.base import UnreadableError
from threemaps.readers.batch import batch_get_traces
from threemaps.readers.honeycomb_account import ask_auth
from threemaps.readers.xray import LONGEST, XRay
from threemaps.settings import LOCAL_INGEST_KEY, Settings

LOOKED_AT = 50  # traces; enough to see a pattern, few enough to be quick
BY_A_WRONG_CLOCK = timedelta(minutes=10)  # so far outside the window a trace of it is looked for
LONGEST_FILTER = 1_500  # characters; X-Ray takes 2,000
SAME_TIME = 1.0  # seconds; starts this close together are by the same clock


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


def sampling_in_force(xray: XRay, settings: Settings) -> tuple[Sampling, ...]:
    """X-Ray's rules that have left calls out, and the SDKs' own variable."""
    found = []
    with reasons(settings, "X-Ray", "xray:GetSamplingStatisticSummaries"):
        answer = xray.client.get_sampling_statistic_summaries()
        for rule in answer["SamplingStatisticSummaries"]:
            asked, kept = rule.get("RequestCount") or 0, rule.get("SampledCount") or 0
            if asked and kept < asked:
                found.append(Sampling(kept / asked, f"the X-Ray sampling rule {rule.get('RuleName')}"))
    if "ratio" in settings.get("OTEL_TRACES_SAMPLER"):
        found += _from_environment(settings.get("OTEL_TRACES_SAMPLER_ARG", "1"))
    return tuple(found)


def _from_environment(argument: str) -> list[Sampling]:
    try:
        rate = float(argument)
    except ValueError:
        return []
    return [Sampling(rate, f"OTEL_TRACES_SAMPLER_ARG={argument}")] if 0 <= rate < 1 else []


def traces(xray: XRay, ids: Iterable[str]) -> list[Any]:
    return batch_get_traces(xray.client, xray.settings, ids)


def recent_trace_ids(xray: XRay, window: Window, services: Collection[str]) -> list[str]:
    """Of traces of which any part is in the window, and where services are told, any of them takes part."""
    start = max(window.start, window.end - LONGEST)
    wanted = filter_of(services)
    arguments = {"FilterExpression": wanted} if wanted else {}
    with reasons(xray.settings, "X-Ray", "xray:GetTraceSummaries"):
        answer = xray.client.get_trace_summaries(
            StartTime=start, EndTime=window.end, TimeRangeType="Event", **arguments
        )
        return [str(summary["Id"]) for summary in answer["TraceSummaries"]][:LOOKED_AT]


def filter_of(services: Collection[str], also: str = "") -> str:
    """Traces of any of the services; where there is a further condition, it holds for all of them."""
    expression = ""
    for name in sorted(services):
        one = f'service("{name}") AND {also}' if also else f'service("{name}")'
        longer = f"{expression} OR {one}" if expression else one
        if len(longer) <= LONGEST_FILTER and not set(name) & set('"\\'):
            expression = longer
    return expression or also


def clock_skew(xray: XRay, window: Window, services: Collection[str]) -> Mapping[str, float]:
    """By how many seconds each service's clock is ahead of most others', where that is more than a moment."""
    offsets: dict[str, list[float]] = {}
    wide = Window(window.start - BY_A_WRONG_CLOCK, window.end + BY_A_WRONG_CLOCK)
    for trace in traces(xray, recent_trace_ids(xray, wide, services)):
        for name, ahead in skew_in_trace(segments_of(trace), window).items():
            offsets.setdefault(name, []).append(ahead)
    return {name: median(seen) for name, seen in offsets.items() if abs(median(seen)) > SAME_TIME}


def segments_of(trace: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """Name, start and end of each segment that a service sent itself."""
    found = []
    for segment in trace.get("Segments") or []:
        try:
            document = orjson.loads(segment.get("Document") or "{}")
        except orjson.JSONDecodeError:
            continue
        start, end = document.get("start_time"), document.get("end_time")
        if not document.get("inferred") and isinstance(start, int | float):
            ended = float(end) if isinstance(end, int | float) else float(start)
            found.append((str(document.get("name")), float(start), ended))
    return found


def skew_in_trace(
    segments: Sequence[tuple[str, float, float]], window: Window | None = None
) -> dict[str, float]:
    """A call lies within its caller's time. The clock of most services is taken as right, else the window's.

    The most services whose segments overlap each other are by one clock, one outside of them is by another.
    """
    if len(segments) < 2:
        return {}
    groups = [overlapping(segment, segments) for segment in segments]
    right = max(groups, key=lambda group: (len({one[0] for one in group}), inside(group, window)))
    start, end = min(one[1] for one in right), max(one[2] for one in right)
    found = {}
    for name, began, ended in segments:
        outside = began - end if began > end else min(0.0, ended - start)
        found[name] = began - start if abs(outside) > SAME_TIME else 0.0
    return found


def inside(segments: Sequence[tuple[str, float, float]], window: Window | None) -> int:
    if window is None:
        return 0
    start, end = window.start.timestamp(), window.end.timestamp()
    return sum(began <= end and ended >= start for _, began, ended in segments)


def overlapping(
    one: tuple[str, float, float], segments: Sequence[tuple[str, float, float]]
) -> list[tuple[str, float, float]]:
    return [other for other in segments if other[1] <= one[2] + SAME_TIME and other[2] >= one[1] - SAME_TIME]
