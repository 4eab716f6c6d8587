"""Checks an answer against AWS's own description of it: every field known and of its type, none missing.

botocore reads an answer without complaining: it drops what it does not know. So the raw answer is checked
here, by an event of the client, before botocore has parsed it.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_REGION, LOCAL_AWS_SECRET_ACCESS_KEY

NUMBERS = {"integer", "long", "float", "double", "timestamp"}


def problems(value: Any, shape: Shape, where: str = "answer") -> list[str]:
    """What is wrong with a value that travels as JSON."""
    if isinstance(shape, StructureShape):
        return _structure(value, shape, where)
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            return [f"{where} is {value!r}, no list"]
        found = _size(len(value), shape, where)
        for number, item in enumerate(value):
            found += problems(item, shape.member, f"{where}[{number}]")
        return found
    if isinstance(shape, MapShape):
        if not isinstance(value, dict):
            return [f"{where} is {value!r}, no object"]
        return [
            problem
            for key, item in value.items()
            for problem in problems(item, shape.value, f"{where}.{key}")
        ]
    return _scalar(value, shape, where)


def _structure(value: Any, shape: StructureShape, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is {value!r}, no object"]
    names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    found = [f"{where} has {name!r}, which {shape.name} does not know" for name in value if name not in names]
    found += [f"{where} lacks {name!r}" for name in shape.required_members if name not in value]
    for name, item in value.items():
        if name in names:
            found += problems(item, names[name], f"{where}.{name}")
    return found


def _scalar(value: Any, shape: Shape, where: str) -> list[str]:
    kind = shape.type_name
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": is_number and isinstance(value, int),
        "long": is_number and isinstance(value, int),
        # CBOR has times of its own, which arrive as such.
        "timestamp": is_number or isinstance(value, datetime),
        "float": is_number,
        "double": is_number,
        "blob": isinstance(value, (str, bytes)),
    }
    if not fits[kind]:
        return [f"{where} is {value!r}, no {kind}"]
    found = _size(len(value), shape, where) if kind == "string" else []
    allowed = getattr(shape, "enum", [])
    return [*found, f"{where} is {value!r}, none of {allowed}"] if allowed and value not in allowed else found


def _size(size: int, shape: Shape, where: str) -> list[str]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", float("inf"))
    return [] if least <= size <= most else [f"{where} has the size {size}, not from {least} to {most}"]


def check_answers(client: Any, parse: Callable[[bytes], Any]) -> None:
    """Makes every good answer to this client pass the check, or the call fail."""

    def check(operation_model: OperationModel, response_dict: dict[str, Any], **_: Any) -> None:
        if response_dict["status_code"] >= 300 or operation_model.output_shape is None:
            return
        body = response_dict["body"]
        found = problems(parse(body) if body else {}, operation_model.output_shape)
        assert not found, f"{operation_model.name}: " + "; ".join(found[:10])

    client.meta.events.register("before-parse", check)


@cache
def session() -> Any:
    """One for all tests: it reads AWS's descriptions once."""
    return boto3.session.Session()


def aws_client(service: str, url: str, *, parse: Callable[[bytes], Any] | None = None, **options: Any) -> Any:
    """A client of the stand-in; with `parse`, one whose raw answers are checked."""
    arguments: dict[str, Any] = {
        "region_name": LOCAL_AWS_REGION,
        "aws_access_key_id": LOCAL_AWS_ACCESS_KEY_ID,
        "aws_secret_access_key": LOCAL_AWS_SECRET_ACCESS_KEY,
        "config": Config(retries={"total_max_attempts": 1}),
    }
    client: Any = session().client(service, endpoint_url=url, **arguments | options)
    if parse is not None:
        check_answers(client, parse)
    return client
