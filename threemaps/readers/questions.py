"""Questions to Honeycomb: COUNT, HEATMAP and P90, and those that somebody puts together.

Honeycomb gives ten query results a minute, so an answer is asked for once and waited for patiently.
"""

from collections.abc import Callable, Mapping
from typing import Any

from threemaps.model.difference import Window
from threemaps.readers.honeycomb import Honeycomb
from threemaps.readers.honeycomb_queries import times_of
from threemaps.readers.honeycomb_results import Answer
from threemaps.settings import Settings

__all__ = ["MOST_TRACES", "TITLES", "Answer", "ask", "ask_own"]

TITLES = {"count": "COUNT by trace.trace_id", "heatmap": "HEATMAP(duration_ms)", "p90": "P90(duration_ms)"}
CALCULATIONS = {
    "count": {"op": "COUNT"},
    "heatmap": {"op": "HEATMAP", "column": "duration_ms"},
    "p90": {"op": "P90", "column": "duration_ms"},
}
MOST_TRACES = 20


def ask(
    settings: Settings,
    question: str,
    window: Window,
    service: str | None,
    on_wait: Callable[[float], None] | None = None,
) -> Answer:
    """One of the three questions, over the whole window and, for P90 and the heatmap, over time.

    With `on_wait`, called with the seconds, one question too many waits up to a minute.
    """
    calculation = CALCULATIONS[question]
    body: dict[str, Any] = {"calculations": [calculation], **times_of(window)}
    if service:
        body["filters"] = [of_service(service)]
    if question == "count":
        body |= {
            "breakdowns": ["trace.trace_id"],
            "orders": [{"op": "COUNT", "order": "descending"}],
            "limit": MOST_TRACES,
        }
    return Honeycomb.of(settings, on_wait).answer(body, series=question != "count")


def ask_own(
    settings: Settings,
    question: Mapping[str, Any],
    window: Window,
    service: str | None,
    on_wait: Callable[[float], None] | None = None,
) -> Answer:
    """A question that somebody put together, with its points in time where nothing keeps them away."""
    filters = [*question["filters"], *([of_service(service)] if service else [])]
    body = {**question, "filters": filters, **times_of(window)}
    return Honeycomb.of(settings, on_wait).answer(body, series=True)


def of_service(name: str) -> dict[str, str]:
    return {"column": "service.name", "op": "=", "value": name}
