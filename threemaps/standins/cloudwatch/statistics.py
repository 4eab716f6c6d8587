"""What CloudWatch computes over the samples of a period."""

import re
from collections.abc import Iterable, Iterator

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch.sample import Sample

SIMPLE = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)", re.ASCII)


class Statistics:
    """Samples added up; the values are kept, for percentiles."""

    def __init__(self) -> None:
        self.count = 0.0
        self.total = 0.0
        self.least = float("inf")
        self.most = float("-inf")
        self.units: set[str] = set()
        self._values: list[tuple[float, float]] = []
        self._has_all_values = True

    def add(self, sample: Sample) -> None:
        self.units.add(sample.unit)
        self.count += sample.count
        self.total += sample.total
        self.least = min(self.least, sample.least)
        self.most = max(self.most, sample.most)
        if sample.values:
            self._values += zip(sample.values, sample.counts, strict=True)
        elif sample.least == sample.most:
            self._values.append((sample.least, sample.count))
        else:
            self._has_all_values = False

    def value(self, statistic: str) -> float | None:
        """None where only sums are known, which have no percentiles."""
        if statistic in SIMPLE:
            simple = {
                "SampleCount": self.count,
                "Average": self.total / self.count if self.count else 0.0,
                "Sum": self.total,
                "Minimum": self.least,
                "Maximum": self.most,
            }
            return simple[statistic]
        return self._percentile(float(statistic[1:])) if self._has_all_values else None

    def _percentile(self, percent: float) -> float:
        """The least value that so many of the samples do not exceed."""
        reached = 0.0
        for value, count in sorted(self._values):
            reached += count
            if reached * 100 >= percent * self.count:
                return value
        return self.most


def check_statistic(name: str) -> None:
    if name not in SIMPLE and not PERCENTILE.fullmatch(name):
        raise AwsError(
            "InvalidParameterValue",
            f"The statistic {name[:60]!r} is not answered here: {', '.join(SIMPLE)} and p0 to p100 are.",
        )


def check_period(period: int) -> None:
    if period % 60 and period not in (1, 5, 10, 20, 30):
        raise AwsError(
            "InvalidParameterValue", f"The period {period} is none of 1, 5, 10, 20, 30 or a multiple of 60."
        )


def by_period(samples: Iterable[Sample], period: int) -> Iterator[tuple[int, str, Statistics]]:
    """(start of the period in ms, unit, statistics), by time; of several units the unit is None."""
    found: dict[int, Statistics] = {}
    for sample in samples:
        start = sample.time_ms - sample.time_ms % (period * 1000)
        found.setdefault(start, Statistics()).add(sample)
    for start, statistics in sorted(found.items()):
        (unit, *others) = statistics.units
        yield start, "None" if others else unit, statistics
