"""Where X-Ray keeps traces, and how many of them it indexes and so draws its map of."""

from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.pages import pages
from threemaps.settings import Settings

SEARCHED = "CloudWatchLogs"
INDEXING_RULE = "Default"


def destination(settings: Settings) -> tuple[str, str]:
    """Of traces: XRay, or CloudWatchLogs with Transaction Search; and its status, ACTIVE or PENDING."""
    with reasons(settings, "X-Ray", "xray:GetTraceSegmentDestination"):
        destination = aws_client(settings, "xray").get_trace_segment_destination()
        return str(destination.get("Destination")), str(destination.get("Status") or "ACTIVE")


def is_searched(settings: Settings) -> bool:
    return destination(settings)[0] == SEARCHED


def indexed_share(settings: Settings) -> float:
    """Of the traces that X-Ray holds, those that it draws its map of: 1.0 without Transaction Search."""
    percentage = indexed_percentage(settings)
    is_part = percentage is not None and percentage < 100 and is_searched(settings)
    return percentage / 100 if percentage is not None and is_part else 1.0


def indexed_percentage(settings: Settings) -> float | None:
    """Of the traces, by the account's indexing rule; None where nothing is said."""
    xray = aws_client(settings, "xray")
    with reasons(settings, "X-Ray", "xray:GetIndexingRules"):
        read = pages(xray.get_indexing_rules, "NextToken", "the list of indexing rules")
        rules = [one for page in read for one in page.get("IndexingRules") or []]
        found = next((one.get("Rule") or {} for one in rules if one.get("Name") == INDEXING_RULE), {})
        share = (found.get("Probabilistic") or {}).get("DesiredSamplingPercentage")
        return None if share is None else float(share)
