"""Application Signals' metrics: Latency, Fault and Error, by the sets of dimensions that AWS's agent has.

Every record is a value of all three. The statistics are exact: nothing is summed up before it is asked for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from threemaps.standins.application_signals.records import Names, Records, Window

NAMESPACE = "ApplicationSignals"
METRICS = {"Latency": "Milliseconds", "Fault": "None", "Error": "None"}

Dimensions = tuple[tuple[str, str], ...]

# The agent's sets (its base_appsignals_config.yaml), those with what of a dependency was called among them.
_RESOURCE = ("RemoteResourceIdentifier", "RemoteResourceType", "RemoteService")
OWN_SETS = (("Environment", "Operation", "Service"), ("Environment", "Service"))
CALL_SETS = (
    ("Environment", "Operation", "RemoteEnvironment", "RemoteOperation", "RemoteService", "Service"),
    ("Environment", "Operation", "RemoteOperation", "RemoteService", "Service"),
    ("Environment", "Operation", "RemoteService", "Service"),
    ("Environment", "RemoteEnvironment", "RemoteOperation", "RemoteService", "Service"),
    ("Environment", "RemoteEnvironment", "RemoteService", "Service"),
    ("Environment", "RemoteOperation", "RemoteService", "Service"),
    ("Environment", "RemoteService", "Service"),
    ("RemoteService",),
    ("Environment", "Operation", "RemoteEnvironment", "RemoteOperation", *_RESOURCE, "Service"),
    ("Environment", "Operation", "RemoteOperation", *_RESOURCE, "Service"),
    ("Environment", "RemoteEnvironment", "RemoteOperation", *_RESOURCE, "Service"),
    ("Environment", "RemoteOperation", *_RESOURCE, "Service"),
    ("Environment", *_RESOURCE, "Service"),
    _RESOURCE,
)


@dataclass(frozen=True, slots=True)
class Question:
    """One statistic of a metric: `percentile` from 0 to 100 where it is one."""

    metric: str
    dimensions: Dimensions
    period_ms: int
    percentile: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured in a period."""

    start_ms: int
    count: int
    total: float
    least: float
    most: float
    percentile: float | None


STATISTICS = """
WITH asked AS (
    SELECT unnest(?::INTEGER[]) AS question, unnest(?::UBIGINT[]) AS id, unnest(?::BIGINT[]) AS period,
        unnest(?::VARCHAR[]) AS metric, unnest(?::DOUBLE[]) AS percentile
), summed AS (
    SELECT question, minute * 60000 // period * period AS slot, any_value(metric) AS metric,
        any_value(percentile) AS percentile, sum(calls)::BIGINT AS calls, sum(total) AS total,
        min(least) AS least, max(most) AS most, sum(faults)::BIGINT AS faults, sum(errors)::BIGINT AS errors,
        flatten(list(CASE WHEN percentile IS NOT NULL AND metric = 'Latency' THEN latencies END)) AS latencies
    FROM asked JOIN signals.minutes USING (id)
    WHERE minute * 60000 >= ? // period * period AND minute * 60000 < ?
    GROUP BY question, slot
)
SELECT question, slot, metric, percentile, calls, total, least, most, faults, errors,
    CASE WHEN percentile IS NOT NULL AND metric = 'Latency'
        THEN list_sort(latencies)[greatest(1, ceil(calls * percentile / 100)::BIGINT)] END
FROM summed ORDER BY question, slot
"""


class SignalMetrics:
    def __init__(self, records: Records) -> None:
        self._records = records

    def points(self, questions: Sequence[Question], start_ms: int, end_ms: int) -> list[list[Point]]:
        """For each question the periods in which something was measured, by time."""
        longest = max((one.period_ms for one in questions), default=1)
        window = Window(start_ms // longest * longest, end_ms)
        index = _Index(self._records.names(window))
        asked = [(number, one, id_) for number, one in enumerate(questions) for id_ in index.ids(one)]
        found: list[list[Point]] = [[] for _ in questions]
        if not asked:
            return found
        columns = [
            [number for number, _, _ in asked],
            [id_ for _, _, id_ in asked],
            [one.period_ms for _, one, _ in asked],
            [one.metric for _, one, _ in asked],
            [one.percentile for _, one, _ in asked],
        ]
        for question, *row in self._records.rows(window, STATISTICS, [*columns, start_ms, end_ms]):
            found[question].append(_point(*row))
        return found

    def metrics(self, window: Window) -> Iterator[tuple[str, Dimensions]]:
        """Every metric that has values in the whole hours of the window."""
        every = {dimensions for names in self._records.names(window) for dimensions in _sets_of(names)}
        for dimensions in sorted(every):
            for metric in METRICS:
                yield metric, dimensions


class _Index:
    """Which names a set of dimensions stands for."""

    def __init__(self, names: Iterable[Names]) -> None:
        self._ids: dict[Dimensions, list[int]] = {}
        for one in names:
            for dimensions in _sets_of(one):
                self._ids.setdefault(dimensions, []).append(one.id)

    def ids(self, question: Question) -> list[int]:
        return self._ids.get(question.dimensions, []) if question.metric in METRICS else []


def dimensions_of(names: Names) -> dict[str, str]:
    """All that a metric of these names can have."""
    statistics = {
        "Environment": names.environment,
        "Service": names.service,
        "Operation": names.operation,
        "RemoteService": names.remote_service,
        "RemoteOperation": names.remote_operation,
        "RemoteEnvironment": names.remote_environment,
        "RemoteResourceIdentifier": names.remote_resource,
        "RemoteResourceType": names.remote_resource_type,
    }
    return {key: value for key, value in statistics.items() if value is not None}


def _sets_of(names: Names) -> Iterator[Dimensions]:
    values = dimensions_of(names)
    for keys in OWN_SETS if names.remote_service is None else CALL_SETS:
        if all(key in values for key in keys):
            yield tuple((key, values[key]) for key in keys)


def _point(
    slot: int,
    metric: str,
    percentile: float | None,
    calls: int,
    total: float,
    least: float,
    most: float,
    faults: int,
    errors: int,
    at_percentile: float | None,
) -> Point:
    if metric == "Latency":
        return Point(slot, calls, total, least, most, at_percentile)
    ones = faults if metric == "Fault" else errors
    low, high = float(ones == calls), float(ones > 0)
    among_ones = percentile is not None and percentile * calls > 100 * (calls - ones)
    return Point(slot, calls, float(ones), low, high, float(among_ones))
