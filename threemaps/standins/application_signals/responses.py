"""Requests and answers of Application Signals, as REST with JSON; the state is in `models.py`."""

import re
from collections.abc import Mapping
from typing import Any

from threemaps.standins.application_signals.exceptions import UnknownOperationError, ValidationError
from threemaps.standins.application_signals.models import Attributes, Service, Services, references
from threemaps.standins.application_signals.records import Window
from threemaps.standins.application_signals.urls import URLS
from threemaps.standins.cloudwatch.paging import offset_from, to_token
from threemaps.standins.described import description, moment_of

PAGE = 50
IDENTIFYING = ("Type", "Name", "Environment")
KEY_NAME = re.compile("[a-zA-Z]{1,50}")
KEY_VALUE = re.compile("[ -~]*[!-~]+[ -~]*")
# AWS gives back an end one second behind the hour, see the examples in AWS CLI's reference.
END_QUIRK = 1


class Responses:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._operations = {
            "ListServices": self._list_services,
            "GetService": self._get_service,
            "ListServiceDependencies": self._list_dependencies,
            "ListServiceDependents": self._list_dependents,
            "ListServiceOperations": self._list_operations,
        }

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> dict[str, Any]:
        """Raises ValidationError where AWS's description forbids the request."""
        name = URLS.get((method, path))
        if name is None:
            raise UnknownOperationError(method, path)
        request = {**(body if isinstance(body, dict) else {}), **_typed(query)}
        problems = list(description("application-signals").problems(name, request))
        if problems:
            raise ValidationError("; ".join(problems)[:1000])
        if name == "StartDiscovery":  # the local one has begun
            return {}
        window = _window(request)
        hours = {"StartTime": window.start_ms // 1000, "EndTime": window.end_ms // 1000 + END_QUIRK}
        return {**hours, **self._operations[name](window, request)}

    def _list_services(self, window: Window, request: dict[str, Any]) -> dict[str, Any]:
        found = [_summary(service) for service in self._services.services(window)]
        return _page("ServiceSummaries", found, request)

    def _get_service(self, window: Window, request: dict[str, Any]) -> dict[str, Any]:
        service = _service(request)
        if service not in self._services.services(window):
            raise ValidationError(f"No service {service.name!r} was found in {service.environment!r}.")
        return {"Service": _summary(service) | {"LogGroupReferences": []}, "LogGroupReferences": []}

    def _list_dependencies(self, window: Window, request: dict[str, Any]) -> dict[str, Any]:
        found = self._services.dependencies(window, _service(request))
        return _page("ServiceDependencies", found, request)

    def _list_dependents(self, window: Window, request: dict[str, Any]) -> dict[str, Any]:
        found = self._services.dependents(window, _key_attributes(request))
        return _page("ServiceDependents", found, request)

    def _list_operations(self, window: Window, request: dict[str, Any]) -> dict[str, Any]:
        return _page("ServiceOperations", self._services.operations(window, _service(request)), request)


def _typed(query: Mapping[str, str]) -> dict[str, Any]:
    """Numbers and truth values travel as texts in a query."""
    typed: dict[str, Any] = dict(query)
    if re.fullmatch(r"-?\d{1,9}", query.get("MaxResults", ""), re.ASCII):
        typed["MaxResults"] = int(query["MaxResults"])
    if query.get("IncludeLinkedAccounts") in ("true", "false"):
        typed["IncludeLinkedAccounts"] = query["IncludeLinkedAccounts"] == "true"
    return typed


def _window(request: dict[str, Any]) -> Window:
    start, end = (int(moment_of(request[name]).timestamp() * 1000) for name in ("StartTime", "EndTime"))
    if start >= end:
        raise ValidationError("StartTime has to be before EndTime.")
    return Window(start, end).whole_hours()


def _key_attributes(request: dict[str, Any]) -> Attributes:
    attributes: Attributes = request["KeyAttributes"]
    for name, value in attributes.items():
        if not KEY_NAME.fullmatch(name) or not KEY_VALUE.fullmatch(value):
            raise ValidationError(f"KeyAttributes has {name[:50]!r} with the value {value[:100]!r}.")
    if "Type" not in attributes:
        raise ValidationError("KeyAttributes needs a Type.")
    return attributes


def _service(request: dict[str, Any]) -> Service:
    attributes = _key_attributes(request)
    missing = [name for name in IDENTIFYING if name not in attributes]
    if missing:
        raise ValidationError(f"KeyAttributes needs {', '.join(IDENTIFYING)}; {missing[0]} is missing.")
    if attributes["Type"] != "Service":
        raise ValidationError(f"Type is {attributes['Type'][:60]!r}; it has to be Service here.")
    return Service(attributes["Name"], attributes["Environment"])


def _summary(service: Service) -> dict[str, Any]:
    return {
        "KeyAttributes": service.key_attributes(),
        "AttributeMaps": [{"PlatformType": "Generic"}],
        "MetricReferences": references({"Environment": service.environment, "Service": service.name}),
    }


def _page(name: str, found: list[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    token = request.get("NextToken")
    start = offset_from(token, "ValidationException") if token else 0
    end = start + request.get("MaxResults", PAGE)
    return {name: found[start:end], **({"NextToken": to_token(end)} if end < len(found) else {})}
