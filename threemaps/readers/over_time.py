"""The figures of a service or an edge, minute by minute, as X-Ray's time series has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from threemaps.model.difference import Window
from threemaps.readers.aws import aws_client, reasons
from threemaps.settings import Settings

LONGEST = timedelta(hours=6)  # that X-Ray answers for
FINE = timedelta(hours=1)  # above it a period has five minutes


@dataclass(frozen=True, slots=True)
class Period:
    moment: datetime
    requests: int
    faults: int


def over_time(settings: Settings, window: Window, entity: str) -> list[Period]:
    """`entity` is X-Ray's expression for one service or edge. Periods without calls are left out."""
    client = aws_client(settings, "xray")
    start = max(window.start, window.end - LONGEST)
    with reasons(settings, "X-Ray", "xray:GetTimeSeriesServiceStatistics"):
        pages = client.get_paginator("get_time_series_service_statistics").paginate(
            StartTime=start,
            EndTime=window.end,
            EntitySelectorExpression=entity,
            Period=60 if window.end - start <= FINE else 300,
        )
        entries = [one for page in pages for one in page.get("TimeSeriesServiceStatistics") or []]
        return sorted((_period(one) for one in entries), key=lambda one: one.moment)


def _period(entry: Mapping[str, Any]) -> Period:
    found = entry.get("EdgeSummaryStatistics") or entry.get("ServiceSummaryStatistics") or {}
    faults = (found.get("FaultStatistics") or {}).get("TotalCount") or 0
    return Period(entry["Timestamp"], int(found.get("TotalCount") or 0), int(faults))
