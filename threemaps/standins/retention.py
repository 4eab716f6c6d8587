"""How long the stand-ins keep what they were sent, and how much of it."""

import logging
from dataclasses import dataclass

from threemaps.basics.periodic import Periodic
from threemaps.standins.store import Store

log = logging.getLogger(__name__)

# Of the file; what is derived from it is in memory beside it, and is nobody's store.
OURS = "database_name = current_database()"
TABLES = (
    f"SELECT table_name FROM duckdb_columns() WHERE column_name = 'stored_at' AND {OURS} ORDER BY table_name"
)
USED = f"SELECT used_blocks * block_size FROM pragma_database_size() WHERE {OURS}"


@dataclass(frozen=True, slots=True)
class Retention:
    hours: float = 24
    megabytes: float = 1_000
    # Of a store that is too large this much goes at once, so that it does not go row by row.
    share: float = 0.25


RETENTION = Retention()
CHECK_SECONDS = 10.0


def used_bytes(store: Store) -> int:
    """What the rows take in the file. Space of deleted rows is in the file too, and is used again."""
    ((used,),) = store.rows(USED)
    return int(used)


def trim(store: Store, retention: Retention = RETENTION) -> int:
    """Deletes what is too old, then the oldest of what is too much. Returns how many rows went."""
    tables = [name for (name,) in store.rows(TABLES)]
    age = f"stored_at < epoch_ms(now()) - {int(retention.hours * 3_600_000)}"
    deleted = sum(_delete(store, table, age) for table in tables)
    if used_bytes(store) > retention.megabytes * 1_000_000:
        oldest = "stored_at <= (SELECT quantile_disc(stored_at, {share}) FROM {table})"
        deleted += sum(
            _delete(store, table, oldest.format(share=retention.share, table=table)) for table in tables
        )
    if deleted:
        store.tidy()
    return deleted


def _delete(store: Store, table: str, condition: str) -> int:
    if not store.rows(f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1"):
        return 0
    with store.transaction() as cursor:
        ((count,),) = cursor.execute(f"DELETE FROM {table} WHERE {condition}").fetchall()
    log.info("%s rows of %s are past their time", count, table)
    return int(count)


class Trimmer(Periodic):
    """Trims a store every few seconds, and lets it rest when nobody writes, until it is stopped."""

    def __init__(
        self, store: Store, retention: Retention = RETENTION, seconds: float = CHECK_SECONDS
    ) -> None:
        def keep_small() -> None:
            trim(store, retention)
            store.rest()

        super().__init__("trimming of the store", seconds, keep_small)
