"""A map in a file: small, in a stable order, one node or edge a line, made for diffs and version control."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from threemaps.errors import UserError
from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.readers.base import Manners, UnreadableError
from threemaps.readers.saved_result import saved_edges, saved_rows

SCHEMA = "threemaps/servicemap"
VERSION = 1
MAX_BYTES = 64 * 1024 * 1024
DRAWN_BY = ("honeycomb", "xray", "cloudwatch")

FILE_KEYS = {"schema", "version", "source", "window", "nodes", "edges"}
NODE_KEYS = {"name", "kind"}
END_KEYS = {"source", "source_kind", "target", "target_kind"}
VALUE_KEYS = {"requests", "errors", "mean_ms", "p95_ms"}


class Snapshot:
    """A source like any other. The window asked for has no say in it: a snapshot keeps its own.

    A result saved from Honeycomb's page does not always say which window it is of: then it is taken for that
    of the one asked for.
    """

    def __init__(self, name: str, drawn_by: str, window: Window | None, held: ServiceMap) -> None:
        self.name = name
        self.drawn_by = drawn_by
        self.manners = Manners()
        self.read_through = "file"
        self.remarks: tuple[str, ...] = ()
        if window is None:
            self.remarks = (f"{name} does not say which time it is of: taken for the window asked for",)
        self._window = window
        self._held = held

    @classmethod
    def of(cls, name: str) -> "Snapshot":
        saved = saved_rows(name, file_bytes(name))
        if saved:
            rows, window = saved
            return cls(name, "honeycomb", window, ServiceMap.of((), saved_edges(name, rows)))
        file = MapFile(name)
        document = file.document
        file.only_keys(document, FILE_KEYS, "the file")
        held = ServiceMap.of(file.nodes(), [file.edge(fields) for fields in file.edges()])
        return cls(name, file.drawn_by(), file.window(), held)

    def covers(self, window: Window) -> Window:
        return self._window or window

    def read_map(self, window: Window, service: str | None = None) -> ServiceMap:
        return self._held.only(service)


class MapFile:
    """A snapshot or a contract being read. Whatever is wrong with it is said with its place in the file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.document = self._read()
        if self.document.get("schema") != SCHEMA:
            raise self.wrong(f'it has no "schema": "{SCHEMA}"')
        if self.document.get("version") != VERSION:
            raise self.wrong(f"its version is {self.document.get('version')!r}, and this is read: {VERSION}")

    def _read(self) -> Mapping[str, Any]:
        try:
            document = orjson.loads(file_bytes(self.name))
        except ValueError as error:
            raise self.wrong("it is no JSON") from error
        if not isinstance(document, dict):
            raise self.wrong("it holds no JSON object")
        return document

    def wrong(self, why: str) -> UnreadableError:
        return no_map(self.name, why)

    def nodes(self) -> list[Node]:
        return [
            self._node(fields, "name", "kind")
            for fields in self._objects(self.document.get("nodes", []), "nodes")
            if self.only_keys(fields, NODE_KEYS, "a node")
        ]

    def edges(self) -> list[Mapping[str, Any]]:
        """The objects of all edges, no two of them with the same ends."""
        found = self._objects(self.document.get("edges", []), "edges")
        seen = set()
        for fields in found:
            ends = self.ends(fields)
            if ends in seen:
                raise self.wrong(f"the edge {ends[0]} → {ends[1]} stands in it twice")
            seen.add(ends)
        return found

    def edge(self, fields: Mapping[str, Any]) -> Edge:
        self.only_keys(fields, END_KEYS | VALUE_KEYS, "an edge")
        counts = [self.number(fields, key, whole=True) for key in ("requests", "errors")]
        times = [self.number(fields, key) for key in ("mean_ms", "p95_ms")]
        return Edge(*self.ends(fields), *(None if count is None else int(count) for count in counts), *times)

    def ends(self, fields: Mapping[str, Any]) -> tuple[Node, Node]:
        return self._node(fields, "source", "source_kind"), self._node(fields, "target", "target_kind")

    def _node(self, fields: Mapping[str, Any], name_key: str, kind_key: str) -> Node:
        name, kind = fields.get(name_key), fields.get(kind_key, str(Kind.SERVICE))
        if not isinstance(name, str) or not name:
            raise self.wrong(f'"{name_key}" is {name!r}, and a name is needed')
        if kind not in list(Kind):
            raise self.wrong(f'"{kind_key}" of {name} is {kind!r}: use {", ".join(Kind)}')
        return Node(name, Kind(kind))

    def number(self, fields: Mapping[str, Any], key: str, *, whole: bool = False) -> float | None:
        value = fields.get(key)
        kinds = int if whole else (int, float)
        if value is None or (isinstance(value, kinds) and not isinstance(value, bool) and value >= 0):
            return value
        raise self.wrong(f'"{key}" is {value!r}, and a number from 0 or null is needed')

    def only_keys(self, fields: Mapping[str, Any], known: set[str], what: str) -> bool:
        unknown = sorted(set(fields) - known)
        if unknown:
            raise self.wrong(f'{what} has the unknown key "{unknown[0]}" (known: {", ".join(sorted(known))})')
        return True

    def drawn_by(self) -> str:
        source = self.document.get("source")
        if source not in DRAWN_BY:
            raise self.wrong(f'"source" is {source!r}: use {", ".join(DRAWN_BY)}')
        return str(source)

    def window(self) -> Window:
        window = self.document.get("window")
        try:
            start, end = (datetime.fromisoformat(window[key]) for key in ("start", "end"))  # type: ignore[index]
        except (TypeError, KeyError, ValueError) as error:
            raise self.wrong(f'"window" is {window!r}, and a start and an end are needed') from error
        if start.tzinfo is None or end.tzinfo is None or start > end:
            raise self.wrong('"window" needs two times with a time zone, the start before the end')
        return Window(start, end)

    def _objects(self, value: object, what: str) -> list[Mapping[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(f'"{what}" has to be a list of objects')
        return value


def file_bytes(name: str) -> bytes:
    path = Path(name)
    try:
        with path.open("rb") as file:  # whose size may not be known, or have no end
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise no_map(name, f"it is larger than {MAX_BYTES // 1024 // 1024} MiB")
        return content
    except FileNotFoundError as error:
        raise UserError(
            f"{name!r} is neither a backend nor a file",
            hint="use honeycomb, xray or cloudwatch, or a file made by `threemaps snapshot`",
            exit_code=2,
        ) from error
    except (OSError, ValueError) as error:
        raise no_map(name, str(getattr(error, "strerror", error))) from error


def no_map(name: str, why: str) -> UnreadableError:
    return UnreadableError(
        f"{name} is no service map: {why}", hint="make one with `threemaps snapshot xray --output FILE`"
    )


def snapshot_text(drawn_by: str, window: Window, held: ServiceMap) -> str:
    """The file's text. The numbers are what was measured, for people to read and `compare` to use."""
    document = held.to_json()
    return "\n".join(
        [
            "{",
            f'  "schema": "{SCHEMA}",',
            f'  "version": {VERSION},',
            f'  "source": {_line(drawn_by)},',
            f'  "window": {_line(window.to_json())},',
            f'  "nodes": {_lines(document["nodes"])},',
            f'  "edges": {_lines(document["edges"])}',
            "}\n",
        ]
    )


def _lines(items: Sequence[object]) -> str:
    return "[\n" + ",\n".join(f"    {_line(item)}" for item in items) + "\n  ]" if items else "[]"


def _line(item: object) -> str:
    return json.dumps(item, ensure_ascii=False)
