"""Services, their operations and dependencies: what the names of the records in a window say of them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from threemaps.standins.application_signals.metrics import METRICS, NAMESPACE, dimensions_of
from threemaps.standins.application_signals.records import Names, Records, Window

Attributes = dict[str, str]

LONGEST_OPERATION = 255


class Service(NamedTuple):
    name: str
    environment: str

    def key_attributes(self) -> Attributes:
        return {"Type": "Service", "Name": self.name, "Environment": self.environment}


class Services:
    def __init__(self, records: Records) -> None:
        self._records = records

    def services(self, window: Window) -> list[Service]:
        return _services(self._records.names(window))

    def operations(self, window: Window, service: Service) -> list[dict[str, Any]]:
        own = (names for names in self._of(window, service) if names.remote_service is None)
        return [
            {
                "Name": names.operation[:LONGEST_OPERATION],
                "MetricReferences": references(_dimensions(names, "Environment", "Operation", "Service")),
            }
            for names in own
        ]

    def dependencies(self, window: Window, service: Service) -> list[dict[str, Any]]:
        """One for each pair of an operation and the one that it calls, as AWS lists them."""
        known = _Known(self._records.names(window))
        calls = [names for names in self._of(window, service) if names.remote_service is not None]
        return [
            {
                "OperationName": names.operation[:LONGEST_OPERATION],
                "DependencyKeyAttributes": known.callee(names),
                "DependencyOperationName": str(names.remote_operation)[:LONGEST_OPERATION],
                "MetricReferences": references(_call_dimensions(names)),
            }
            for names in calls
        ]

    def dependents(self, window: Window, attributes: Attributes) -> list[dict[str, Any]]:
        """Who called what has these key attributes."""
        every = self._records.names(window)
        known = _Known(every)
        return [
            {
                "OperationName": str(names.remote_operation)[:LONGEST_OPERATION],
                "DependentKeyAttributes": Service(names.service, names.environment).key_attributes(),
                "DependentOperationName": names.operation[:LONGEST_OPERATION],
                "MetricReferences": references(_call_dimensions(names)),
            }
            for names in _ordered(every)
            if names.remote_service is not None and known.callee(names) == attributes
        ]

    def _of(self, window: Window, service: Service) -> Iterator[Names]:
        yield from _ordered(names for names in self._records.names(window) if names[1:3] == service)


class _Known:
    """Which callees are services that were discovered."""

    def __init__(self, every: Iterable[Names]) -> None:
        every = list(every)
        self._services = set(_services(every))
        # A call that was not answered goes to whom the same caller's answered ones went.
        self._answered = {
            (names.service, names.environment, names.remote_service): names.callee_environment
            for names in every
            if names.callee_environment is not None
        }

    def callee(self, names: Names) -> Attributes:
        name = str(names.remote_service)
        if name.startswith("AWS::"):
            return {"Type": "AWS::Service", "Name": name}
        environment = (
            names.remote_environment
            or names.callee_environment
            or self._answered.get((names.service, names.environment, name))
        )
        if environment:
            return Service(name, environment).key_attributes()
        same = Service(name, names.environment)
        return same.key_attributes() if same in self._services else {"Type": "RemoteService", "Name": name}


def references(dimensions: Mapping[str, str]) -> list[dict[str, Any]]:
    """To the three metrics that have these dimensions."""
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return [
        {"Namespace": NAMESPACE, "MetricType": metric.upper(), "Dimensions": named, "MetricName": metric}
        for metric in METRICS
    ]


def _services(every: Iterable[Names]) -> list[Service]:
    return sorted({Service(names.service, names.environment) for names in every})


def _call_dimensions(names: Names) -> dict[str, str]:
    place = ("RemoteEnvironment",) if names.remote_environment else ()
    return _dimensions(
        names, "Environment", "Operation", *place, "RemoteOperation", "RemoteService", "Service"
    )


def _dimensions(names: Names, *keys: str) -> dict[str, str]:
    values = dimensions_of(names)
    return {key: values[key] for key in keys}


def _ordered(every: Iterable[Names]) -> list[Names]:
    """One for each pair of operations: the resources that are called there have one row together."""
    rows = {tuple(map(str, names[1:7])): names for names in every}
    return [rows[key] for key in sorted(rows)]
