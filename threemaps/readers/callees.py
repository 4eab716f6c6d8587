"""Callees that Application Signals knows by host and port only, named by the services that answered there.

AWS joins a caller and its callee in traces. So traces of the caller are looked at: the segment that a call
started bears the name of the service.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from threemaps.model.difference import Window
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.batch import batch_get_traces
from threemaps.readers.pages import pages
from threemaps.settings import Settings

PERMISSION = "xray:GetTraceSummaries"
LOOKED_AT = 50  # traces of a caller
LONGEST = timedelta(hours=6)  # of which X-Ray gives summaries
KEPT = 300.0  # seconds after which an address that led nowhere is looked for again

Call = tuple[str, str]  # a caller's name, and its name for the callee


class Callees:
    """Remembers what it found: addresses change less often than maps are read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: dict[Call, str] = {}
        self._in_vain: dict[Call, float] = {}

    def services(self, calls: Collection[Call], window: Window) -> Mapping[Call, str]:
        """The services behind those of these that look like an address. Raises UnreadableError."""
        now = time.monotonic()
        open_ones = [
            one
            for one in calls
            if one not in self._found and is_address(one[1]) and now - self._in_vain.get(one, -KEPT) >= KEPT
        ]
        for caller in sorted({caller for caller, _ in open_ones}):
            answers = self._answers(caller, window)
            for one in (one for one in open_ones if one[0] == caller):
                services = answers.get(one[1], set())
                if len(services) == 1:
                    self._found[one] = next(iter(services))
                else:
                    self._in_vain[one] = now
        return {one: self._found[one] for one in calls if one in self._found}

    def _answers(self, caller: str, window: Window) -> Mapping[str, set[str]]:
        """By each name of a callee in traces of this caller, who answered."""
        if set(caller) & set('"\\'):
            return {}
        client = aws_client(self._settings, "xray")
        found: dict[str, set[str]] = {}
        for trace in batch_get_traces(client, self._settings, self._trace_ids(client, caller, window)):
            documents = list(segments_of(trace))
            answered = {
                str(one.get("parent_id")): str(one.get("name")) for one in documents if not is_call(one)
            }
            for call in (call for one in documents for call in calls_in(one)):
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


def is_address(name: str) -> bool:
    """host:port, or an IP address: no name that somebody gave."""
    host, _, port = name.rpartition(":")
    return (bool(host) and port.isdigit()) or name.replace(".", "").isdigit()


def segments_of(trace: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for segment in trace.get("Segments") or []:
        try:
            document = orjson.loads(segment.get("Document") or "{}")
        except orjson.JSONDecodeError:
            continue
        if isinstance(document, dict) and not document.get("inferred"):
            yield document


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
    for name in ("aws.remote.service", "aws_remote_service", "peer.service", "peer_service"):
        if said.get(name):
            yield str(said[name])
    url = ((call.get("http") or {}).get("request") or {}).get("url")
    try:
        parts = urlsplit(str(url or ""))
        port = parts.port
    except ValueError:
        return
    if parts.hostname:
        yield f"{parts.hostname}:{port or {'https': 443}.get(parts.scheme, 80)}"
        yield parts.netloc
