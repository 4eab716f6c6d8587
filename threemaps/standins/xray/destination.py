"""Where traces go: X-Ray's own store, or CloudWatch Logs, which is what Transaction Search is.

Locally that is on from the start. The map is the same either way.
"""

from typing import Any

from threemaps.standins.xray.configuration import Configuration
from threemaps.standins.xray.requests import invalid

SEARCHED = "CloudWatchLogs"
CHOICES = ("XRay", SEARCHED)


class Destination:
    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        known = configuration.get("destination", "traces")
        self._current: str = known["Destination"] if known else SEARCHED

    @property
    def is_searched(self) -> bool:
        return self._current == SEARCHED

    def get_trace_segment_destination(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"Destination": self._current, "Status": "ACTIVE"}

    def update_trace_segment_destination(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("Destination", self._current)
        if wanted not in CHOICES:
            raise invalid(f"Destination must be one of {', '.join(CHOICES)}, not {wanted[:100]!r}")
        self._configuration.put("destination", "traces", {"Destination": wanted})
        self._current = wanted
        return self.get_trace_segment_destination({})
