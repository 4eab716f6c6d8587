"""AWS's own descriptions of its services, from botocore's files, as far as a stand-in reads them.

What people read in them and what other operations take is most of their size, and would stay in memory.
"""

from collections.abc import Callable, Collection, Iterator
from functools import cache
from typing import IO, Any

import orjson
from botocore.loaders import JSONFileLoader, Loader
from botocore.model import ServiceModel

Description = dict[str, Any]


@cache
def service_model(service: str, operations: frozenset[str] | None = None) -> ServiceModel:
    """What these operations, or all, are given; what they answer is left out."""
    whole = Loader(file_loader=_Files()).load_service_model(service, "service-2")
    return ServiceModel(_part(whole, operations), service)


class _Files(JSONFileLoader):  # type: ignore[misc, unused-ignore]
    def _load_file(self, full_path: str, open_method: Callable[[str, str], IO[bytes]]) -> Description | None:
        try:
            with open_method(full_path, "rb") as file:
                described: Description = orjson.loads(file.read())
                return described
        except FileNotFoundError:
            return None


def _part(whole: Description, names: Collection[str] | None) -> Description:
    chosen = whole["operations"] if names is None else names
    operations = {name: _input(one) for name, one in whole["operations"].items() if name in chosen}
    shapes: Description = {}
    waiting = [one["input"]["shape"] for one in operations.values() if "input" in one]
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = _without_texts(whole["shapes"][name])
            waiting += _references(shapes[name])
    return {"metadata": whole["metadata"], "operations": operations, "shapes": shapes}


def _input(operation: Description) -> Description:
    return {key: operation[key] for key in ("name", "http", "input") if key in operation}


def _without_texts(value: Any) -> Any:
    """A member may be called `documentation`, too: that is no text."""
    if isinstance(value, list):
        return [_without_texts(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_texts(one)
        for key, one in value.items()
        if key != "documentation" or not isinstance(one, str)
    }


def _references(shape: Description) -> Iterator[str]:
    yield from (member["shape"] for member in shape.get("members", {}).values())
    yield from (shape[part]["shape"] for part in ("member", "key", "value") if part in shape)
