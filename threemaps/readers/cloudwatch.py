"""CloudWatch's map: Application Signals' Application Map, else the spans that Transaction Search keeps."""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

from threemaps.model.difference import Window
from threemaps.model.servicemap import Node, ServiceMap
from threemaps.readers.application_signals import ApplicationSignals, Dependency, Discovered
from threemaps.readers.aws import aws_client
from threemaps.readers.base import Manners, Shape, UnreadableError
from threemaps.readers.callees import Call, Callees
from threemaps.readers.metric_data import Figures, Reference, Series, read_series, whole_minutes, widest
from threemaps.readers.signal_map import doubts, ends_of, grouped, map_of, some
from threemaps.readers.span_log import LOG_GROUP, NoSpanLogError, read_spans, services_seen
from threemaps.readers.span_map import map_of as map_of_spans
from threemaps.readers.span_map import own_calls
from threemaps.settings import Settings

Key = TypeVar("Key")

MINUTE = timedelta(minutes=1)
LOCAL = Manners(grain=MINUTE)
REAL = Manners(lag=timedelta(minutes=10), grain=MINUTE, poll=timedelta(seconds=30))
OWN = ("Environment", "Service")
CALLED = (*OWN, "RemoteService")
LONGEST_NAME = 255  # Application Signals cuts a service's name to it


class CloudWatch:
    """The services and calls of the whole account, whatever their environment."""

    name = drawn_by = "cloudwatch"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shape = Shape("CloudWatch")
        self._callees = Callees(settings)
        self.manners = REAL if settings.aws_is_real else LOCAL
        self.read_through = "application-signals"
        self.remarks: tuple[str, ...] = ()
        # Of the last map: calls and faults of each service itself, whoever called.
        self.own: Mapping[Node, tuple[int, int]] = {}

    @classmethod
    def of(cls, settings: Settings) -> "CloudWatch":
        return cls(settings)

    @cached_property
    def _signals(self) -> ApplicationSignals:
        return ApplicationSignals(aws_client(self._settings, "application-signals"), self._settings)

    @cached_property
    def _metrics(self) -> Any:
        return aws_client(self._settings, "cloudwatch")

    @cached_property
    def _logs(self) -> Any:
        return aws_client(self._settings, "logs")

    def covers(self, window: Window) -> Window:
        return whole_minutes(window)

    def read_map(self, window: Window, service: str | None = None) -> ServiceMap:
        """The map of the whole minutes that the window touches."""
        minutes = self.covers(window)
        self.read_through, self.remarks = "application-signals", ()
        seen = self._seen(minutes)  # first: what is discovered in between is no service that is missing
        discovered = self._signals.discover(minutes)
        unlisted = sorted(name for name in seen if name[:LONGEST_NAME] not in discovered.services)
        if unlisted:
            lacks = (
                f"Application Signals does not list {some(unlisted)} (off, or discovered ten minutes later)"
            )
            found = self._from_spans(minutes, lacks)
        else:
            found = None
        return (found or self._from_metrics(minutes, discovered)).only(service)

    def _remark(self, sentence: str) -> None:
        self.remarks = (*self.remarks, sentence)

    def _seen(self, minutes: Window) -> Collection[str]:
        """Services with spans in the log group: by them is seen whether Application Signals lacks one."""
        try:
            return services_seen(self._logs, self._settings, minutes)
        except NoSpanLogError:
            return ()
        except UnreadableError as error:
            self._remark(f"Whether Application Signals lacks a service was not checked: {error.message}.")
            return ()

    def _from_spans(self, minutes: Window, why: str) -> ServiceMap | None:
        """The exact map, of calls that can be distinguished; None where the spans cannot be read."""
        try:
            spans = read_spans(self._logs, self._settings, minutes)
            found, own = map_of_spans(spans, minutes), own_calls(spans, minutes)
        except UnreadableError as error:
            self._remark(f"{why}, and the spans cannot be read: {error.message}.")
            return None
        self.read_through, self.own = "spans", own
        self._remark(f"{why}: the map is read from the spans in {LOG_GROUP}.")
        return found

    def _from_metrics(self, minutes: Window, discovered: Discovered) -> ServiceMap:
        own = {Node(name): widest(held, OWN) for name, held in discovered.services.items()}
        made = {one: widest(one.references, CALLED) for one in discovered.dependencies}
        asked = {reference for held in (*own.values(), *made.values()) for reference in held}
        series = read_series(self._metrics, self._settings, asked, minutes)
        served = self._figures(own, series)
        calls = self._figures(made, series)
        answered = self._answered(calls, served, minutes)
        ends = ends_of(calls, {*served, *(Node(one.source) for one in calls)}, answered)
        figures = self._figures(grouped(made, ends), series)
        for doubt in doubts(served, figures, answered):
            found = self._from_spans(minutes, doubt)
            if found is not None:
                return found
        self._remark_names(discovered, answered)
        self.own = {service: (one.calls, one.faults or 0) for service, one in served.items()}
        return map_of(served, figures)

    def _figures(self, held: Mapping[Key, Collection[Reference]], series: Series) -> dict[Key, Figures]:
        """Of those with calls in the window: the lists know whole hours."""
        found = {key: series.figures(references, self._shape) for key, references in held.items()}
        return {key: figures for key, figures in found.items() if figures.calls}

    def _answered(
        self, made: Iterable[Dependency], served: Collection[Node], minutes: Window
    ) -> Mapping[Call, Collection[str]]:
        """Who answered calls by a name that is no service's."""
        unknown = [(one.source, one.name) for one in made if Node(one.name) not in served]
        try:
            return self._callees.services(unknown, minutes)
        except UnreadableError as error:
            self._remark(f"Names such as host:port were not looked up in the traces: {error.message}.")
            return {}

    def _remark_names(self, discovered: Discovered, answered: Mapping[Call, Collection[str]]) -> None:
        bare = sorted(f"{one.source} → {one.name}" for one in discovered.dependencies if not one.references)
        if bare:
            self._remark(f"Application Signals lists {some(bare)} without metrics: not drawn.")
        named = sorted({f"{name} is {', '.join(services)}" for (_, name), services in answered.items()})
        if named:
            self._remark(f"By the traces in X-Ray {some(named)}: Application Signals did not join them.")
