"""Where traces go: X-Ray's own store, or CloudWatch Logs, which is what Transaction Search is; and its index.

Locally it is on from the start, unless THREEMAPS_AWS_TRANSACTION_SEARCH is off, and all is indexed. With a
lower share X-Ray lists and draws that share of the traces, chosen by their ids.
"""

import time
from collections.abc import Mapping
from typing import Any

from threemaps.errors import UserError
from threemaps.standins.xray.configuration import Configuration
from threemaps.standins.xray.exceptions import invalid

SEARCHED = "CloudWatchLogs"
CHOICES = ("XRay", SEARCHED)
DEFAULT = "Default"
VARIABLE = "THREEMAPS_AWS_TRANSACTION_SEARCH"
INDEXED = """trace_lo / 18446744073709551616.0 < coalesce((
    SELECT (document->>'$.Percentage')::DOUBLE / 100 FROM xray_configuration
    WHERE kind = 'indexing' AND name = 'Default'), 2)"""
FIRST_CHOICES = {"on": SEARCHED, "off": "XRay"}


class Destination:
    def __init__(self, configuration: Configuration, environ: Mapping[str, str]) -> None:
        self._configuration = configuration
        known = configuration.get("destination", "traces")
        self._current: str = known["Destination"] if known else first_choice(environ)

    def is_searched(self) -> bool:
        return self._current == SEARCHED

    def get_trace_segment_destination(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"Destination": self._current, "Status": "ACTIVE"}

    def get_indexing_rules(self, _: dict[str, Any]) -> dict[str, Any]:
        share = (self._configuration.get("indexing", DEFAULT) or {}).get("Percentage", 100.0)
        return {"IndexingRules": [indexing_rule(share)]}

    def update_indexing_rule(self, request: dict[str, Any]) -> dict[str, Any]:
        share = request["Rule"].get("Probabilistic", {}).get("DesiredSamplingPercentage")
        if request["Name"] != DEFAULT or share is None or not 0 <= share <= 100:
            raise invalid("The rule Default takes a DesiredSamplingPercentage from 0 to 100")
        self.index(share)
        return {"IndexingRule": indexing_rule(share)}

    def index(self, share: float) -> None:
        """In percent."""
        self._configuration.put("indexing", DEFAULT, {"Percentage": share})

    def update_trace_segment_destination(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("Destination", self._current)
        if wanted not in CHOICES:
            raise invalid(f"Destination must be one of {', '.join(CHOICES)}, not {wanted[:100]!r}")
        self._configuration.put("destination", "traces", {"Destination": wanted})
        self._current = wanted
        return self.get_trace_segment_destination({})


def first_choice(environ: Mapping[str, str]) -> str:
    """Where traces go in an account in which nobody has chosen."""
    choice = environ.get(VARIABLE) or "on"
    if choice not in FIRST_CHOICES:
        raise UserError(f"{VARIABLE} is {choice!r}", hint="set it to on or off")
    return FIRST_CHOICES[choice]


def indexing_rule(share: float) -> dict[str, Any]:
    probabilistic = {"DesiredSamplingPercentage": share, "ActualSamplingPercentage": 100.0}
    return {"Name": DEFAULT, "ModifiedAt": time.time(), "Rule": {"Probabilistic": probabilistic}}
