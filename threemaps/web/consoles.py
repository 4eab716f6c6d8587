"""Addresses in the vendors' own consoles, for backends that are real."""

from urllib.parse import quote

from threemaps.readers.batch import xray_id
from threemaps.settings import SERVICE_LOG_GROUP, Settings

# Its address holds the names of team and environment, which are asked for when somebody goes there.
TO_HONEYCOMB = "/to/honeycomb"


def of_map(settings: Settings) -> dict[str, str]:
    """Backend → where its console draws the map."""
    found = {"honeycomb": TO_HONEYCOMB} if settings.honeycomb_is_real else {}
    if settings.aws_is_real:
        found["xray"] = f"{_cloudwatch(settings)}#xray:service-map/map"
        found["cloudwatch"] = f"{_cloudwatch(settings)}#application-signals:map"
    return found


def of_trace(settings: Settings, trace_id: str) -> dict[str, str]:
    """Title → address."""
    found = {}
    if settings.honeycomb_is_real:
        found["this trace in Honeycomb"] = f"{TO_HONEYCOMB}?trace={trace_id}"
    if settings.aws_is_real:
        group = quote(quote(SERVICE_LOG_GROUP, safe=""), safe="").replace("%25", "$25")
        found["this trace in X-Ray"] = f"{_cloudwatch(settings)}#xray:traces/{xray_id(trace_id)}"
        found["the log group in CloudWatch"] = f"{_cloudwatch(settings)}#logsV2:log-groups/log-group/{group}"
    return found


def _cloudwatch(settings: Settings) -> str:
    region = quote(settings.aws_region)
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
