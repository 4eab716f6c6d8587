"""Attributes that are columns of their own, read out of the JSON texts that spans' attributes have become."""

from typing import Any

import orjson

# Column → attribute.
EXTRACTED = {
    "peer_service": "peer.service",
    "local_service": "aws.local.service",
    "local_operation": "aws.local.operation",
    "local_environment": "aws.local.environment",
    "remote_service": "aws.remote.service",
    "remote_operation": "aws.remote.operation",
    "remote_environment": "aws.remote.environment",
    "remote_resource": "aws.remote.resource.identifier",
    "remote_resource_type": "aws.remote.resource.type",
    "span_kind": "aws.span.kind",
}
IN_PROGRESS = "aws.xray.inprogress"
HTTP_STATUS = ("http.status_code", "http.response.status_code")
LARGEST_STATUS = 65_535
_REMEMBERED = 20_000

Texts_ = list[dict[str, str]]


def value_of(text: str) -> Any:
    """Of a text `"name":value`."""
    (value,) = orjson.loads("{" + text + "}").values()
    return value


class _Remembered(dict[str | None, Any]):
    """Text → what it means. Bounded: it forgets all when it is full."""

    def __missing__(self, text: str | None) -> Any:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[text] = None if text is None else self.read(value_of(text))
        return found

    def read(self, value: Any) -> Any:
        raise NotImplementedError


class Texts(_Remembered):
    """Attributes that are texts; an empty one says nothing."""

    def read(self, value: Any) -> str | None:
        return value if isinstance(value, str) and value else None

    def column(self, spans: Texts_, name: str) -> list[str | None]:
        found = [said.get(name) for said in spans]
        return [None] * len(spans) if found.count(None) == len(found) else [self[text] for text in found]

    def in_progress(self, spans: Texts_) -> list[int]:
        """The places of the spans that say that they have not ended."""
        return [place for place, said in enumerate(spans) if said.get(IN_PROGRESS, "").endswith(":true")]


class Numbers(_Remembered):
    """The HTTP status, by the older conventions' name or the newer one's."""

    def read(self, value: Any) -> int | None:
        return value if type(value) is int and 0 <= value <= LARGEST_STATUS else None

    def column(self, spans: Texts_) -> list[int | None]:
        older, newer = HTTP_STATUS
        return [self[said.get(older) or said.get(newer)] for said in spans]
