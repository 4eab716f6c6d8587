"""Groups: traces that a filter expression picks, with a service graph of their own."""

from collections.abc import Iterator, Sequence
from typing import Any

from threemaps.standins.spans.ids import parse_trace_id
from threemaps.standins.store import Store
from threemaps.standins.xray.configuration import Configuration, Tags, arn, named, unique_arn
from threemaps.standins.xray.destination import INDEXED
from threemaps.standins.xray.exceptions import invalid
from threemaps.standins.xray.filters import parse
from threemaps.standins.xray.graph import Window
from threemaps.standins.xray.matching import Expression
from threemaps.standins.xray.paging import Pages
from threemaps.standins.xray.subjects import TraceSubject
from threemaps.standins.xray.tokens import FilterError
from threemaps.standins.xray.traces import Traces

MAX_GROUPS = 25
GROUPS_PER_PAGE = 50
TRACES_AT_A_TIME = 500

# Every account has it; it picks all traces.
DEFAULT = {
    "GroupName": "Default",
    "GroupARN": arn("group", "Default"),
    "InsightsConfiguration": {"InsightsEnabled": False, "NotificationsEnabled": False},
}

ENDED_IN = f"SELECT DISTINCT trace_hi, trace_lo FROM spans WHERE end_ns >= ? AND end_ns < ? AND {INDEXED}"


class Groups:
    def __init__(self, store: Store, configuration: Configuration, traces: Traces, tags: Tags) -> None:
        self._store = store
        self._configuration = configuration
        self._traces = traces
        self._tags = tags
        self._pages = Pages(GROUPS_PER_PAGE)

    def create_group(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["GroupName"]
        known = self._all()
        if any(group["GroupName"] == name for group in known):
            raise invalid(f"Group already exists: {name}")
        if len(known) > MAX_GROUPS:
            raise invalid(f"There are {MAX_GROUPS} groups already, which is the limit")
        if not name or len(name) > 32:
            raise invalid(f"GroupName must have 1 to 32 characters, not {len(name)}")
        group = {"GroupName": name, "GroupARN": unique_arn("group", name)} | self._settings(request)
        self._configuration.put("group", name, group)
        self._tags.set(group["GroupARN"], request.get("Tags", []))
        return {"Group": group}

    def get_group(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Group": named(self._all(), request, "Group")}

    def get_groups(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._pages.page("Groups", self._all, request.get("NextToken"))

    def update_group(self, request: dict[str, Any]) -> dict[str, Any]:
        group = named(self._all(), request, "Group")
        if group["GroupName"] == "Default" and request.get("FilterExpression"):
            raise invalid("The Default group has no filter expression")
        group = group | self._settings(group | request)
        self._configuration.put("group", group["GroupName"], group)
        return {"Group": group}

    def delete_group(self, request: dict[str, Any]) -> dict[str, Any]:
        group = named(self._all(), request, "Group")
        if group["GroupName"] == "Default":
            raise invalid("The Default group cannot be deleted")
        self._configuration.delete("group", group["GroupName"])
        self._configuration.delete("tags", group["GroupARN"])
        return {}

    def _all(self) -> list[dict[str, Any]]:
        groups = self._configuration.all("group")
        return groups if any(group["GroupName"] == "Default" for group in groups) else [DEFAULT, *groups]

    def _settings(self, request: dict[str, Any]) -> dict[str, Any]:
        insights = {"InsightsEnabled": False, "NotificationsEnabled": False}
        settings: dict[str, Any] = {
            "InsightsConfiguration": insights | request.get("InsightsConfiguration", {})
        }
        expression = request.get("FilterExpression")
        if expression is not None:
            read_expression(expression)
            settings["FilterExpression"] = expression
        return settings

    def expression_of(self, request: dict[str, Any]) -> Expression | None:
        """The filter of the group that a request for a graph names, if any."""
        if request.get("GroupName") is None and request.get("GroupARN") is None:
            return None
        text = named(self._all(), request, "Group").get("FilterExpression")
        return read_expression(text) if text else None

    def traces_of(self, request: dict[str, Any], start: float, end: float) -> list[tuple[int, int]] | None:
        """The traces of the request's group with something that ended in the window; None for all."""
        expression = self.expression_of(request)
        if expression is None:
            return None
        numbers = [(hi, lo) for hi, lo in self._store.rows(ENDED_IN, Window(start, end).bounds())]
        return [
            pair
            for subject in self.subjects(numbers)
            if expression.matches(subject) and (pair := parse_trace_id(subject.trace.id))
        ]

    def subjects(self, numbers: Sequence[tuple[int, int]]) -> Iterator[TraceSubject]:
        """The traces, read a few at a time, for an expression to be asked of."""
        in_group = Membership(self._all()).holds
        for at in range(0, len(numbers), TRACES_AT_A_TIME):
            for trace in self._traces.read(numbers[at : at + TRACES_AT_A_TIME]):
                yield TraceSubject(trace, in_group)


class Membership:
    """Whether a trace is in a group; a group whose expression names itself has nothing in it."""

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        self._expressions: dict[str, Expression | None] = {}
        self._asking: set[str] = set()
        for group in groups:
            text = group.get("FilterExpression")
            expression = read_expression(text) if text else None
            self._expressions[group["GroupName"]] = self._expressions[group["GroupARN"]] = expression

    def holds(self, group: str, subject: TraceSubject) -> bool:
        if group not in self._expressions:
            raise invalid(f"Group not found: {group}")
        expression = self._expressions[group]
        if expression is None:
            return True
        if group in self._asking:
            return False
        self._asking.add(group)
        try:
            return expression.matches(subject)
        finally:
            self._asking.discard(group)


def read_expression(text: str) -> Expression:
    try:
        return parse(text)
    except FilterError as error:
        raise invalid(f"Invalid filter expression: {error}") from error
