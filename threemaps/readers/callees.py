"""Callees that Application Signals did not join to a service, as host:port, named by who answered there.

X-Ray joins a caller and its callee by their trace. So traces of the caller are looked at: the segment that a
call started bears the name of the service.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from threemaps.model.difference import Window
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.batch import batch_get_traces
from threemaps.readers.pages import pages
from threemaps.readers.segments import documents
from threemaps.settings import Settings

PERMISSION = "xray:GetTraceSummaries"
LOOKED_AT = 50  # traces of a caller
LONGEST = timedelta(hours=6)  # of which X-Ray gives summaries
KEPT = 300.0  # seconds after which a name that led nowhere is looked for again

# Attributes by which a caller names its callee; in annotations X-Ray has no dots.
NAMING = ("aws.remote.service", "aws_remote_service", "peer.service", "peer_service", "rpc.service")
ADDRESSES = (("server.address", "server.port"), ("net.peer.name", "net.peer.port"))

Call = tuple[str, str]  # a caller's name, and its name for the callee


class Callees:
    """Remembers what it found: names change less often than maps are read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: dict[Call, frozenset[str]] = {}
        self._looked: dict[Call, float] = {}

    def services(self, calls: Collection[Call], window: Window) -> Mapping[Call, frozenset[str]]:
        """Who answered calls by these names, without those that nobody answered. Raises UnreadableError."""
        now = time.monotonic()
        asked = [
            one for one in calls if not self._found.get(one) and now - self._looked.get(one, -KEPT) >= KEPT
        ]
        for caller in sorted({caller for caller, _ in asked}):
            answers = self._answers(caller, window)
            for one in (one for one in asked if one[0] == caller):
                self._found[one] = frozenset(answers.get(one[1], ()))
                self._looked[one] = now
        return {one: self._found[one] for one in calls if self._found.get(one)}

    def _answers(self, caller: str, window: Window) -> Mapping[str, set[str]]:
        """By each name of a callee in traces of this caller, who answered."""
        if set(caller) & set('"\\'):
            return {}
        client = aws_client(self._settings, "xray")
        found: dict[str, set[str]] = {}
        for trace in batch_get_traces(client, self._settings, self._trace_ids(client, caller, window)):
            sent = list(documents(trace))
            answered = {str(one.get("parent_id")): str(one.get("name")) for one in sent if not is_call(one)}
            for call in (call for one in sent for call in calls_in(one)):
                if service := answered.get(str(call.get("id"))):
                    for name in names_of(call):
                        found.setdefault(name, set()).add(service)
        return found

    def _trace_ids(self, client: Any, caller: str, window: Window) -> Sequence[str]:
        asked = {
            "StartTime": max(window.start, window.end - LONGEST),
            "EndTime": window.end,
            "TimeRangeType": "Event",
            "FilterExpression": f'service("{caller}")',
        }
        ids: list[str] = []
        with reasons(self._settings, "X-Ray", PERMISSION):
            for page in pages(client.get_trace_summaries, "NextToken", "X-Ray's list of traces", **asked):
                ids += [str(one["Id"]) for one in page["TraceSummaries"]]
                if len(ids) >= LOOKED_AT:
                    break
        return ids[:LOOKED_AT]


def is_call(document: Mapping[str, Any]) -> bool:
    return document.get("type") == "subsegment"


def calls_in(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The calls of other processes, those inside of others too."""
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if part.get("namespace"):
            yield part
        waiting += [one for one in part.get("subsegments") or [] if isinstance(one, dict)]


def names_of(call: Mapping[str, Any]) -> Iterator[str]:
    """What the caller may have named its callee: the call's name, its address, its attributes."""
    yield str(call.get("name"))
    told = (call.get("metadata") or {}).get("default") or {}
    said = {**told, **(call.get("annotations") or {})}
    for name in NAMING:
        if said.get(name):
            yield str(said[name])
    for host, port in ADDRESSES:
        if said.get(host):
            yield f"{said[host]}:{said[port]}" if said.get(port) else str(said[host])
    url = ((call.get("http") or {}).get("request") or {}).get("url")
    yield from names_in(str(url or ""))


def names_in(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
    except ValueError:
        return
    if parts.hostname:
        yield f"{parts.hostname}:{port}"
        yield parts.netloc
