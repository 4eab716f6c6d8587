"""Addresses of the vendors' own consoles, for legs that are real."""

from urllib.parse import quote

from threemaps.readers.batch import xray_id
from threemaps.settings import SERVICE_LOG_GROUP, Settings


def links(settings: Settings, trace_id: str) -> dict[str, str]:
    """Title → address. Honeycomb's addresses hold the team's name, which only a query's own link tells."""
    if not settings.aws_is_real:
        return {}
    region = quote(settings.aws_region)
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    group = quote(quote(SERVICE_LOG_GROUP, safe=""), safe="").replace("%25", "$25")
    return {
        "this trace in X-Ray": f"{console}#xray:traces/{xray_id(trace_id)}",
        "the log group in CloudWatch": f"{console}#logsV2:log-groups/log-group/{group}",
    }
