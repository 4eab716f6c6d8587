"""A vendor with its store open, and what trims that."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from threemaps.standins.retention import RETENTION, Retention, Trimmer
from threemaps.standins.store import Store

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


@dataclass(frozen=True, slots=True)
class Opened:
    app: "WSGIApplication"
    store: Store
    trimmer: Trimmer

    def close(self) -> None:
        self.trimmer.stop()
        self.store.close()


def open_vendor(module: str, path: Path, retention: Retention | None = None) -> Opened:
    vendor = import_module(module)
    store = Store(path, vendor.SCHEMA)
    trimmer = Trimmer(store, retention or RETENTION)
    trimmer.start()
    return Opened(vendor.create_app(store), store, trimmer)
