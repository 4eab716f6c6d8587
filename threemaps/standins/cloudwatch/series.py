"""Answers to questions about metrics: from samples that were put, and from Application Signals."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from threemaps.standins.application_signals import metrics as signals
from threemaps.standins.application_signals.metrics import METRICS, NAMESPACE, SignalMetrics
from threemaps.standins.cloudwatch.questions import Question
from threemaps.standins.cloudwatch.samples import Samples, Wanted
from threemaps.standins.cloudwatch.statistics import SIMPLE, by_period


class Value(NamedTuple):
    """A statistic of a period, by the start of that in ms."""

    start_ms: int
    unit: str
    value: float


class Series:
    def __init__(self, samples: Samples, signal_metrics: SignalMetrics) -> None:
        self._samples = samples
        self._signals = signal_metrics

    def values(self, questions: Sequence[Question], start_ms: int, end_ms: int) -> list[list[Value]]:
        """For each question, by time. A start that is no start of a period is rounded down to one."""
        derived = [number for number, one in enumerate(questions) if one.namespace == NAMESPACE]
        answers = [
            [] if one.namespace == NAMESPACE else self._sampled(one, start_ms, end_ms) for one in questions
        ]
        found = self._derived([questions[number] for number in derived], start_ms, end_ms)
        for number, values in zip(derived, found, strict=True):
            answers[number] = values
        return answers

    def _sampled(self, question: Question, start_ms: int, end_ms: int) -> list[Value]:
        first = start_ms - start_ms % (question.period * 1000)
        wanted = Wanted(question.namespace, question.name, question.dimensions, first, end_ms)
        fitting = (one for one in self._samples.find(wanted) if question.unit in (None, one.unit))
        points = (
            (moment, unit, statistics.value(question.statistic))
            for moment, unit, statistics in by_period(fitting, question.period)
        )
        return [Value(moment, unit, value) for moment, unit, value in points if value is not None]

    def _derived(self, questions: Sequence[Question], start_ms: int, end_ms: int) -> list[list[Value]]:
        asked = [
            signals.Question(str(one.name), one.dimensions, one.period * 1000, _percentile(one.statistic))
            for one in questions
        ]
        found = self._signals.points(asked, start_ms, end_ms)
        return [list(_valued(one, points)) for one, points in zip(questions, found, strict=True)]


def _percentile(statistic: str) -> float | None:
    return None if statistic in SIMPLE else float(statistic[1:])


def _valued(question: Question, points: Iterable[signals.Point]) -> Iterator[Value]:
    unit = METRICS.get(str(question.name), "None")
    if question.unit not in (None, unit):
        return
    for point in points:
        simple = {
            "SampleCount": point.count,
            "Average": point.total / point.count,
            "Sum": point.total,
            "Minimum": point.least,
            "Maximum": point.most,
        }
        value = simple.get(question.statistic, point.percentile)
        if value is not None:
            yield Value(point.start_ms, unit, float(value))
