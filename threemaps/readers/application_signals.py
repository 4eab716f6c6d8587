"""What Application Signals has discovered: the services, and whom each of them calls."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from threemaps.model.difference import Window
from threemaps.readers.aws import reasons
from threemaps.readers.base import Shape
from threemaps.readers.metric_data import Reference
from threemaps.readers.pages import pages
from threemaps.settings import Settings

LIST_SERVICES = "application-signals:ListServices"
LIST_DEPENDENCIES = "application-signals:ListServiceDependencies"
PAGE = 100  # the most that a page holds
AT_ONCE = 4  # services asked for at the same time
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Dependency:
    """Whom a service calls: all its rows, one for each operation and operation of the dependency."""

    source: str
    name: str
    is_service: bool
    references: frozenset[Reference]


@dataclass(frozen=True, slots=True)
class Discovered:
    """The account's services by name, whatever their environment, with the metrics of their own calls."""

    services: Mapping[str, frozenset[Reference]] = field(default_factory=dict)
    dependencies: tuple[Dependency, ...] = ()


class ApplicationSignals:
    """Reads the lists, every page of them. Raises UnreadableError."""

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._shape = Shape("Application Signals")

    def discover(self, window: Window) -> Discovered:
        """What was seen in the hours that the window touches: the lists know whole hours only."""
        hours = {"StartTime": hour(window.start), "EndTime": hour(window.end, up=True)}
        listed = list(self._services(hours))
        services: dict[str, frozenset[Reference]] = {}
        for key, references in listed:
            services[key["Name"]] = services.get(key["Name"], frozenset()) | references
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            found = list(pool.map(lambda one: list(self._dependencies(one[0], hours)), listed))
        return Discovered(services, tuple(joined(row for rows in found for row in rows)))

    def _services(
        self, hours: Mapping[str, datetime]
    ) -> Iterator[tuple[dict[str, str], frozenset[Reference]]]:
        asked = {"MaxResults": PAGE, **hours}
        with reasons(self._settings, "Application Signals", LIST_SERVICES):
            for page in pages(self._client.list_services, "NextToken", "the list of services", **asked):
                for given in self._shape.sequence(page.get("ServiceSummaries"), "ServiceSummaries"):
                    key = self._key(given.get("KeyAttributes"))
                    if key.get("Type") == "Service":
                        self._shape.text(key.get("Name"), "a service's Name")
                        yield key, self._references(given)

    def _dependencies(self, key: dict[str, str], hours: Mapping[str, datetime]) -> Iterator[Dependency]:
        asked = {"KeyAttributes": key, "MaxResults": PAGE, **hours}
        call = self._client.list_service_dependencies
        with reasons(self._settings, "Application Signals", LIST_DEPENDENCIES):
            for page in pages(call, "NextToken", f"the list of whom {key['Name']} calls", **asked):
                for row in self._shape.sequence(page.get("ServiceDependencies"), "ServiceDependencies"):
                    called = self._key(row.get("DependencyKeyAttributes"))
                    name = called.get("Name") or called.get("Identifier") or called.get("ResourceType")
                    name = self._shape.text(name, "a dependency's Name")
                    is_service = called.get("Type") == "Service"
                    yield Dependency(key["Name"], name, is_service, self._references(row))

    def _key(self, given: Any) -> dict[str, str]:
        key = self._shape.mapping(given, "KeyAttributes")
        return {
            str(name): self._shape.text(value, f"the key attribute {name}") for name, value in key.items()
        }

    def _references(self, given: Any) -> frozenset[Reference]:
        references = self._shape.sequence(given.get("MetricReferences") or [], "MetricReferences")
        return frozenset(Reference.of(one, self._shape) for one in references)


def joined(rows: Iterator[Dependency]) -> Iterator[Dependency]:
    """One dependency for each pair of names: rows differ by operations and by environments."""
    found: dict[tuple[str, str], Dependency] = {}
    for row in rows:
        held = found.get((row.source, row.name), row)
        both = held.is_service or row.is_service, held.references | row.references
        found[row.source, row.name] = Dependency(row.source, row.name, *both)
    yield from found.values()


def hour(moment: datetime, *, up: bool = False) -> datetime:
    """A whole hour, which Application Signals does not round to another one."""
    whole = moment.replace(minute=0, second=0, microsecond=0)
    return whole + HOUR if up and whole < moment else whole
