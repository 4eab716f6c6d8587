"""Metrics as PutMetricData brought them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from threemaps.standins.cloudwatch.sample import Dimensions, Sample
from threemaps.standins.store import Store


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
                "told": [_encoded(sample) for sample in samples],
            },
        )

    def find(self, wanted: Wanted) -> Iterator[Sample]:
        yield from filter(wanted.fits, self._within(wanted))

    def _within(self, wanted: Wanted) -> Iterator[Sample]:
        rows = self._store.rows(
            "SELECT namespace, name, dimensions, time_ms, unit, told FROM metric_sample "
            "WHERE time_ms >= ? AND time_ms < ? AND (? IS NULL OR namespace = ?) AND (? IS NULL OR name = ?)",
            [wanted.start_ms, wanted.end_ms, *[wanted.namespace] * 2, *[wanted.name] * 2],
        )
        for namespace, name, dimensions, time_ms, unit, encoded in rows:
            values, counts, total, least, most = orjson.loads(encoded)
            pairs = tuple((key, value) for key, value in orjson.loads(dimensions))
            yield Sample(
                namespace, name, pairs, time_ms, unit, tuple(values), tuple(counts), total, least, most
            )


def _encoded(sample: Sample) -> str:
    values: list[Any] = [sample.values, sample.counts, sample.total, sample.least, sample.most]
    return orjson.dumps(values).decode()
