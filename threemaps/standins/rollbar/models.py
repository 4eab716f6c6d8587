"""Occurrences, grouped into items: one for each fingerprint in each environment."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from threemaps.standins.rollbar.exceptions import RefusedError
from threemaps.standins.rollbar.payload import Occurrence
from threemaps.standins.store import Store

SCHEMA = """
CREATE SEQUENCE IF NOT EXISTS item_counter;
CREATE SEQUENCE IF NOT EXISTS occurrence_id;
CREATE TABLE IF NOT EXISTS item (
    counter BIGINT, fingerprint VARCHAR, environment VARCHAR, title VARCHAR, level VARCHAR, framework VARCHAR
);
CREATE TABLE IF NOT EXISTS occurrence (
    id BIGINT, counter BIGINT, uuid VARCHAR, time_s BIGINT, data VARCHAR,
    stored_at BIGINT DEFAULT epoch_ms(now())
);
"""
ORPHANS = "DELETE FROM item WHERE counter NOT IN (SELECT counter FROM occurrence)"
PAGE_ITEMS = 100
PAGE_INSTANCES = 20
PROJECT = 1
# An item's id is unique in all of Rollbar, its counter in a project.
FIRST_ID = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items; an empty list or text asks for all."""

    levels: Sequence[str] = ()
    statuses: Sequence[str] = ()
    environments: Sequence[str] = ()
    text: str = ""

    def condition(self) -> tuple[str, list[Any]]:
        where, parameters = ["contains(lower(i.title), lower(?))"], [self.text]
        for column, values in (
            ("i.level", self.levels),
            ("'active'", self.statuses),
            ("i.environment", self.environments),
        ):
            if any(values):
                where.append(f"list_contains(?, {column})")
                parameters.append(list(values))  # type: ignore[arg-type]
        return " AND ".join(where), parameters


class Items:
    def __init__(self, store: Store) -> None:
        self._store = store
        store.also_tidy(ORPHANS)

    def add(self, occurrence: Occurrence) -> str:
        framework = occurrence.data.get("framework")
        with self._store.transaction() as cursor:
            key = [occurrence.fingerprint, occurrence.environment]
            known = cursor.execute(
                "SELECT counter FROM item WHERE fingerprint = ? AND environment = ?", key
            ).fetchone()
            counter = known[0] if known else _next(cursor, "item_counter")
            if not known:
                values = [
                    occurrence.title,
                    occurrence.level,
                    framework if isinstance(framework, str) else None,
                ]
                cursor.execute("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?)", [counter, *key, *values])
            cursor.execute(
                "INSERT INTO occurrence (id, counter, uuid, time_s, data) VALUES (?, ?, ?, ?, ?)",
                [
                    _next(cursor, "occurrence_id"),
                    counter,
                    occurrence.uuid,
                    int(time.time()),
                    orjson.dumps(occurrence.data).decode(),
                ],
            )
        return occurrence.uuid

    def count(self, wanted: Wanted) -> int:
        where, parameters = wanted.condition()
        return int(self._store.rows(f"SELECT count(*) FROM item i WHERE {where}", parameters)[0][0])

    def page(self, page: int, wanted: Wanted) -> list[dict[str, Any]]:
        """The one that came last comes first."""
        where, parameters = wanted.condition()
        skipped = (page - 1) * PAGE_ITEMS
        return self._items(where, parameters, f"ORDER BY max(o.id) DESC LIMIT {PAGE_ITEMS} OFFSET {skipped}")

    def one(self, name: str, number: int) -> dict[str, Any]:
        """By its `id` or its `counter`."""
        counter = number - FIRST_ID if name == "id" else number
        found = self._items("i.counter = ?", [counter], "")
        if not found:
            raise RefusedError(404, f"there is no item with the {name} {number}")
        return found[0]

    def instances(self, item: int | None, page: int) -> list[dict[str, Any]]:
        """Of one item or of all, the newest first."""
        counter = None if item is None else item - FIRST_ID
        rows = self._store.rows(
            "SELECT id, counter, time_s, data FROM occurrence WHERE ? IS NULL OR counter = ? "
            f"ORDER BY id DESC LIMIT {PAGE_INSTANCES} OFFSET {(page - 1) * PAGE_INSTANCES}",
            [counter, counter],
        )
        return [_instance(*row) for row in rows]

    def instance(self, number: int) -> dict[str, Any]:
        rows = self._store.rows("SELECT id, counter, time_s, data FROM occurrence WHERE id = ?", [number])
        if not rows:
            raise RefusedError(404, f"there is no instance {number}")
        return _instance(*rows[0])

    def _items(self, where: str, parameters: list[Any], rest: str) -> list[dict[str, Any]]:
        rows = self._store.rows(
            f"SELECT {FIRST_ID} + i.counter AS id, i.counter, {PROJECT} AS project_id, i.environment, "
            "i.fingerprint AS hash, i.title, i.level, i.framework, 'active' AS status, "
            "count(*) AS total_occurrences, "
            "min(o.id) AS first_occurrence_id, max(o.id) AS last_occurrence_id, "
            "min(o.time_s) AS first_occurrence_timestamp, max(o.time_s) AS last_occurrence_timestamp "
            f"FROM item i JOIN occurrence o USING (counter) WHERE {where} GROUP BY ALL {rest}",
            parameters,
        )
        return rows.dicts()


def _instance(number: int, counter: int, moment: int, data: str) -> dict[str, Any]:
    return {
        "id": number,
        "item_id": FIRST_ID + counter,
        "project_id": PROJECT,
        "timestamp": moment,
        "data": orjson.loads(data),
    }


def _next(cursor: Any, sequence: str) -> int:
    return int(cursor.execute(f"SELECT nextval('{sequence}')").fetchone()[0])
