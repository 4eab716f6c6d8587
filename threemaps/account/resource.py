"""One thing in an AWS account, as it should be, and the change that makes it so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]


def impossible() -> object:
    raise NotImplementedError("AWS has no such operation")


@dataclass(frozen=True, slots=True)
class Resource:
    """What it should be, and how AWS reads and changes it. Without `delete` it is never taken away."""

    kind: str
    name: str
    wanted: Properties
    permission: str
    read: Callable[[], Properties | None]
    create: Callable[[], object] = impossible
    update: Callable[[], object] = impossible
    delete: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """`sign` is + to make, ~ to change, - to delete, = to leave as it is."""

    sign: str
    resource: Resource
    differences: tuple[tuple[str, Any, Any], ...] = ()  # property, what it is, what it will be

    @classmethod
    def to_make(cls, resource: Resource, found: Properties | None) -> "Change":
        if found is None:
            return cls("+", resource, tuple((name, None, value) for name, value in resource.wanted.items()))
        wanted = resource.wanted.items()
        changes = tuple((name, found.get(name), value) for name, value in wanted if found.get(name) != value)
        return cls("~" if changes else "=", resource, changes)

    @classmethod
    def to_remove(cls, resource: Resource, found: Properties | None) -> "Change":
        return cls("=" if found is None or resource.delete is None else "-", resource)

    def apply(self) -> None:
        act = {"+": self.resource.create, "~": self.resource.update, "-": self.resource.delete}.get(self.sign)
        if act:
            act()
