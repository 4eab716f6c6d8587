"""Callees that Application Signals did not join to a service, as host:port, named by who answered there.

X-Ray joins a caller and its callee by their trace. So traces of the caller are looked at: the segment that a
call started bears the name of the service.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from threemaps.model.difference import Window
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.batch import batch_get_traces
from threemaps.readers.pages import pages
from threemaps.readers.segments import attributes_of, documents
from threemaps.settings import Settings

PERMISSION = "xray:GetTraceSummaries"
LOOKED_AT = 50  # traces of a caller
TOGETHER = 5  # callers asked for in one expression
LONGEST = timedelta(hours=6)  # of which X-Ray gives summaries
KEPT = 300.0  # seconds after which a name that led nowhere is looked for again

# Attributes by which a caller names its callee; in annotations X-Ray has no dots.
NAMING = ("aws.remote.service", "aws_remote_service", "peer.service", "peer_service", "rpc.service")
ADDRESSES = (("server.address", "server.port"), ("net.peer.name", "net.peer.port"))
QUEUES = ("messaging.system", "messaging_system")

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
        callers = sorted({caller for caller, _ in asked if not set(caller) & set('"\\')})
        answers: dict[Call, set[str]] = {}
        for first in range(0, len(callers), TOGETHER):
            answers.update(self._answers(callers[first : first + TOGETHER], window))
        for one in asked:
            self._found[one] = frozenset(answers.get(one, ()))
            self._looked[one] = now
        return {one: self._found[one] for one in calls if self._found.get(one)}

    @cached_property
    def _client(self) -> Any:
        return aws_client(self._settings, "xray")

    def _answers(self, callers: Sequence[str], window: Window) -> Mapping[Call, set[str]]:
        """By each name of a callee in traces of these callers, who answered.

        What a caller also receives from is among them by its own name: Application Signals counts that as a
        call.
        """
        found: dict[Call, set[str]] = {}
        received: set[Call] = set()
        for trace in batch_get_traces(self._client, self._settings, self._trace_ids(callers, window)):
            sent = list(documents(trace))
            answered = {str(one.get("parent_id")): str(one.get("name")) for one in sent if not is_call(one)}
            for caller, own in owned(sent):
                received |= {(caller, queue) for queue in queues_of(own)}
                for call in calls_in(own):
                    if service := answered.get(str(call.get("id"))):
                        for name in names_of(call):
                            found.setdefault((caller, name), set()).add(service)
        for one in received & found.keys():
            found[one].add(one[1])
        return found

    def _trace_ids(self, callers: Sequence[str], window: Window) -> Collection[str]:
        """Of each caller's traces some. One among busier callers that has none yet is asked for alone."""
        ids: dict[str, list[str]] = {caller: [] for caller in callers}
        read = 0
        for page in self._summaries(callers, window):
            for trace, services in page:
                for name in services & ids.keys():
                    ids[name].append(trace)
            read += len(page)
            if read >= LOOKED_AT * len(callers) or all(len(held) >= LOOKED_AT for held in ids.values()):
                break
        else:
            read = 0
        chosen = {one for held in ids.values() for one in held[:LOOKED_AT]}
        rare = [caller for caller, held in ids.items() if not held] if read and len(callers) > 1 else []
        return chosen.union(*(self._trace_ids([caller], window) for caller in rare))

    def _summaries(self, callers: Sequence[str], window: Window) -> Iterator[Sequence[tuple[str, set[str]]]]:
        """Pages of traces with the services in each."""
        asked = {
            "StartTime": max(window.start, window.end - LONGEST),
            "EndTime": window.end,
            "TimeRangeType": "Event",
            "FilterExpression": " OR ".join(f'service("{caller}")' for caller in callers),
        }
        call = self._client.get_trace_summaries
        with reasons(self._settings, "X-Ray", PERMISSION):
            for page in pages(call, "NextToken", "X-Ray's list of traces", **asked):
                yield [
                    (str(one["Id"]), {str(service.get("Name")) for service in one.get("ServiceIds") or []})
                    for one in page["TraceSummaries"]
                ]


def is_call(document: Mapping[str, Any]) -> bool:
    return document.get("type") == "subsegment"


def owned(sent: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Whose each is. A subsegment that came alone is its segment's; below none that came it is nobody's."""
    holders = {str(part.get("id")): one for one in sent for part in parts_of(one)}
    for one in sent:
        top: Mapping[str, Any] | None = one
        for _ in sent:
            if top is None or not is_call(top):
                break
            top = holders.get(str(top.get("parent_id")))
        if top is not None and not is_call(top):
            yield str(top.get("name")), one


def parts_of(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The document, and the subsegments in it, those inside of others too."""
    waiting = [document]
    while waiting:
        part = waiting.pop()
        yield part
        inner = part.get("subsegments")
        waiting += [one for one in (inner if isinstance(inner, list) else []) if isinstance(one, dict)]


def calls_in(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The calls of other processes."""
    return (part for part in parts_of(document) if part.get("namespace"))


def queues_of(document: Mapping[str, Any]) -> set[str]:
    """What the messages came from that a segment is the work on."""
    said = attributes_of(document)
    return set() if is_call(document) else {str(said[name]) for name in QUEUES if said.get(name)}


def names_of(call: Mapping[str, Any]) -> Iterator[str]:
    """What the caller may have named its callee: the call's name, its address, its attributes."""
    yield str(call.get("name"))
    said = attributes_of(call)
    for name in NAMING:
        if said.get(name):
            yield str(said[name])
    for host, port in ADDRESSES:
        if said.get(host):
            yield f"{said[host]}:{said[port]}" if said.get(port) else str(said[host])
    yield from names_in(str(_part(_part(call, "http"), "request").get("url") or ""))


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def names_in(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
    except ValueError:
        return
    if parts.hostname:
        yield f"{parts.hostname}:{port}"
        yield parts.netloc
