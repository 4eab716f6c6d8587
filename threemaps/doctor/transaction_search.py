"""What X-Ray's OTLP door needs of the account: Transaction Search, and that all of it is indexed."""

from typing import Any

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.walk import Walk
from threemaps.errors import UserError
from threemaps.readers.aws import aws_client, reasons
from threemaps.settings import Settings

LINK = "backend"
NAME = "X-Ray's door"
SEARCHED = "CloudWatchLogs"
ALL = '{"Probabilistic":{"DesiredSamplingPercentage":100}}'


def check_transaction_search(walk: Walk) -> Check:
    settings = walk.settings
    if settings.xray_door != "otlp":
        return good(LINK, NAME, settings.xray_door)
    try:
        destination, share = asked(settings)
    except UserError as error:
        return broken(LINK, NAME, error.message, error.hint)
    if destination != SEARCHED:
        detail = f"X-Ray's OTLP door takes nothing: Transaction Search is off, traces go to {destination}"
        return broken(LINK, NAME, detail, turn_on(settings))
    if share < 100:
        detail = f"X-Ray indexes {share:g} % of the traces: its map is drawn of these"
        step = f"aws{endpoint(settings)} xray update-indexing-rule --name Default --rule '{ALL}'"
        return broken(LINK, NAME, detail, step)
    return good(LINK, NAME, "OTLP; Transaction Search is on, and all traces are indexed")


def asked(settings: Settings) -> tuple[str, float]:
    """Where traces go, and the share of them that is indexed."""
    xray: Any = aws_client(settings, "xray")
    with reasons(settings, "X-Ray", "xray:GetTraceSegmentDestination"):
        destination = str(xray.get_trace_segment_destination().get("Destination"))
    with reasons(settings, "X-Ray", "xray:GetIndexingRules"):
        rules = xray.get_indexing_rules().get("IndexingRules") or []
    shares = [
        rule.get("Rule", {}).get("Probabilistic", {}).get("DesiredSamplingPercentage") for rule in rules
    ]
    return destination, min((float(share) for share in shares if share is not None), default=100.0)


def turn_on(settings: Settings) -> str:
    return f"aws{endpoint(settings)} xray update-trace-segment-destination --destination {SEARCHED}"


def endpoint(settings: Settings) -> str:
    return f" --endpoint-url {settings.aws_endpoint}" if settings.aws_endpoint else ""
