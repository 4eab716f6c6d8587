"""Where metrics come from: PutMetricData, and log events in the embedded metric format."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from threemaps.standins.cloudwatch.emf import Dimensions, Sample, samples_of
from threemaps.standins.store import Store

# A text that every JSON writer writes alike, so that it can be searched for.
PLAIN = re.compile(r"[\w .:-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which samples; what is None is not asked for. The end is not included."""

    namespace: str | None = None
    name: str | None = None
    dimensions: Dimensions | None = None
    start_ms: int = 0
    end_ms: int = 2**62

    def fits(self, sample: Sample) -> bool:
        return (
            (self.namespace is None or sample.namespace == self.namespace)
            and (self.name is None or sample.name == self.name)
            and (self.dimensions is None or sample.dimensions == self.dimensions)
        )


class Samples:
    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, samples: Sequence[Sample]) -> None:
        self._store.append(
            "metric_sample",
            {
                "namespace": [sample.namespace for sample in samples],
                "name": [sample.name for sample in samples],
                "dimensions": [orjson.dumps(sample.dimensions).decode() for sample in samples],
                "time_ms": [sample.time_ms for sample in samples],
                "unit": [sample.unit for sample in samples],
                "told": [_told(sample) for sample in samples],
            },
        )

    def find(self, wanted: Wanted) -> Iterator[Sample]:
        yield from filter(wanted.fits, self._put_samples(wanted))
        yield from filter(wanted.fits, self._embedded(wanted))

    def _put_samples(self, wanted: Wanted) -> Iterator[Sample]:
        rows = self._store.rows(
            "SELECT namespace, name, dimensions, time_ms, unit, told FROM metric_sample "
            "WHERE time_ms >= ? AND time_ms < ? AND (? IS NULL OR namespace = ?) AND (? IS NULL OR name = ?)",
            [wanted.start_ms, wanted.end_ms, *[wanted.namespace] * 2, *[wanted.name] * 2],
        )
        for namespace, name, dimensions, time_ms, unit, told in rows:
            values, counts, total, least, most = orjson.loads(told)
            pairs = tuple((key, value) for key, value in orjson.loads(dimensions))
            yield Sample(
                namespace, name, pairs, time_ms, unit, tuple(values), tuple(counts), total, least, most
            )

    def _embedded(self, wanted: Wanted) -> Iterator[Sample]:
        where, parameters = "metric_ms >= ? AND metric_ms < ?", [wanted.start_ms, wanted.end_ms]
        for text in (wanted.namespace, wanted.name):
            if text is not None and PLAIN.fullmatch(text):
                where += " AND contains(message, ?)"
                parameters += [text]  # type: ignore[list-item]
        for message, moment in self._store.rows(
            f"SELECT message, metric_ms FROM log_event WHERE {where}", parameters
        ):
            yield from samples_of(message, moment)


def _told(sample: Sample) -> str:
    told: list[Any] = [sample.values, sample.counts, sample.total, sample.least, sample.most]
    return orjson.dumps(told).decode()
