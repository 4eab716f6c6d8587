"""CloudWatch's metrics by the references of Application Signals, in as few calls as GetMetricData takes."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from threemaps.model.difference import Window
from threemaps.readers.aws import reasons
from threemaps.readers.base import Shape, UnreadableError
from threemaps.readers.pages import pages
from threemaps.settings import Settings

PERMISSION = "cloudwatch:GetMetricData"
QUERIES_A_CALL = 500
LONGEST_PERIOD = timedelta(days=1)
# CloudWatch keeps whole minutes for 15 days, then five minutes for 63, then hours.
PERIODS = (
    (timedelta(hours=1), timedelta(days=455)),
    (timedelta(minutes=5), timedelta(days=63)),
    (timedelta(minutes=1), timedelta(days=15)),
)
COUNT, SUM, P95 = "SampleCount", "Sum", "p95"
LATENCY, FAULT = "LATENCY", "FAULT"
STATISTICS = {LATENCY: (COUNT, SUM), FAULT: (SUM,)}


@dataclass(frozen=True, slots=True)
class Reference:
    """A metric, as an answer of Application Signals names it. `kind` is LATENCY, FAULT or ERROR."""

    kind: str
    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]
    account: str = ""

    @classmethod
    def of(cls, given: Any, shape: Shape) -> "Reference":
        reference = shape.mapping(given, "a metric reference")
        pairs = [shape.mapping(one, "a dimension") for one in reference.get("Dimensions") or []]
        return cls(
            shape.text(reference.get("MetricType"), "MetricType").upper(),
            shape.text(reference.get("Namespace"), "Namespace"),
            shape.text(reference.get("MetricName"), "MetricName"),
            frozenset((str(one.get("Name")), str(one.get("Value"))) for one in pairs),
            str(reference.get("AccountId") or ""),
        )

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.dimensions)

    def query(self, identifier: str, statistic: str, period: int) -> dict[str, Any]:
        metric = {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in sorted(self.dimensions)],
        }
        measured = {"Metric": metric, "Period": period, "Stat": statistic}
        account = {"AccountId": self.account} if self.account else {}
        return {"Id": identifier, "MetricStat": measured, "ReturnData": True, **account}


def widest(references: Iterable[Reference], needed: Collection[str]) -> frozenset[Reference]:
    """Those to add up: each call is counted in one of them, and in one only.

    A call is counted under each set of its dimensions that the sender publishes. So of the references that
    have the dimensions `needed` those are left out that another one contains, being less narrow.
    """
    there = {one for one in references if one.names.issuperset(needed)}
    return frozenset(
        one
        for one in there
        if not any(
            other.kind == one.kind and other.name == one.name and other.dimensions < one.dimensions
            for other in there
        )
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """What the metrics say of some calls. `faults` is None where there is no metric of them."""

    calls: int
    faults: int | None
    mean_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """The values of a window, by metric and statistic."""

    values: Mapping[tuple[Reference, str], list[float]]

    def figures(self, references: Collection[Reference], shape: Shape) -> Figures:
        """The sum over these references."""
        latencies = [one for one in references if one.kind == LATENCY]
        faults = [one for one in references if one.kind == FAULT]
        calls = shape.count(self._sum(latencies, COUNT), "SampleCount of Latency")
        failed = shape.count(self._sum(faults, SUM), "Sum of Fault") if faults else None
        spent = shape.number(self._sum(latencies, SUM), "Sum of Latency")
        slow = self.values.get((latencies[0], P95), []) if len(latencies) == 1 else []
        mean = round(spent / calls, 3) if calls else None
        return Figures(calls, failed, mean, round(slow[0], 3) if len(slow) == 1 else None)

    def _sum(self, references: Iterable[Reference], statistic: str) -> float:
        return sum(value for one in references for value in self.values.get((one, statistic), []))


def whole_minutes(window: Window) -> Window:
    """The window with what its first and its last minute hold besides."""
    start = window.start.replace(second=0, microsecond=0)
    end = window.end.replace(second=0, microsecond=0)
    return Window(start, end if end == window.end else end + timedelta(minutes=1))


def read_series(client: Any, settings: Settings, references: Iterable[Reference], window: Window) -> Series:
    """Counts, sums and the 95th percentile of each metric over a window of whole minutes."""
    asked = list(questions(sorted(set(references), key=str), window, datetime.now(UTC)))
    found: dict[tuple[Reference, str], list[float]] = {}
    with reasons(settings, "CloudWatch's metrics", PERMISSION):
        for first in range(0, len(asked), QUERIES_A_CALL):
            some = asked[first : first + QUERIES_A_CALL]
            for number, values in results(client, some, window):
                reference, statistic, _ = some[number]
                found.setdefault((reference, statistic), []).extend(values)
    return Series(found)


Question = tuple[Reference, str, int]


def questions(references: Iterable[Reference], window: Window, now: datetime) -> Iterator[Question]:
    """Percentiles cannot be added up, so they are asked for in one period, which has to be short enough."""
    fine = period_of(window, now)
    whole = int(window.seconds) if window.seconds <= LONGEST_PERIOD.total_seconds() else 0
    for one in references:
        for statistic in STATISTICS.get(one.kind, ()):
            yield one, statistic, fine
        if whole and one.kind == LATENCY:
            yield one, P95, whole


def period_of(window: Window, now: datetime) -> int:
    """The longest that fits both ends, and at least what CloudWatch still keeps of the window's start."""
    kept = next((period for period, age in reversed(PERIODS) if now - window.start <= age), PERIODS[0][0])
    ends = (int(window.start.timestamp()), int(window.end.timestamp()))
    for period, _ in PERIODS:
        seconds = int(period.total_seconds())
        if period <= kept or all(end % seconds == 0 for end in ends):
            return max(seconds, int(kept.total_seconds()))
    return 60


def results(client: Any, asked: list[Question], window: Window) -> Iterator[tuple[int, list[float]]]:
    """Number of the question and values, from all pages."""
    shape = Shape("CloudWatch")
    queries = [one.query(f"q{number}", stat, period) for number, (one, stat, period) in enumerate(asked)]
    times = {"StartTime": window.start, "EndTime": window.end}
    for page in pages(
        client.get_metric_data,
        "NextToken",
        "CloudWatch's answer of metrics",
        MetricDataQueries=queries,
        **times,
    ):
        for result in shape.sequence(page.get("MetricDataResults"), "MetricDataResults"):
            number = shape.text(result.get("Id"), "a result's Id").removeprefix("q")
            if not number.isdigit() or int(number) >= len(asked):
                raise shape.wrong("a result's Id", result.get("Id"))
            if result.get("StatusCode") in ("InternalError", "Forbidden"):
                raise refused(result)
            yield int(number), [float(one) for one in shape.sequence(result.get("Values") or [], "Values")]


def refused(result: Mapping[str, Any]) -> UnreadableError:
    said = "; ".join(str(one.get("Value")) for one in result.get("Messages") or []) or "no reason given"
    return UnreadableError(
        f"CloudWatch refuses the metric {result.get('Label')} ({result.get('StatusCode')}: {said[:160]})",
        hint=f"allow {PERMISSION} in the IAM policy of whoever reads, or try again later",
    )
