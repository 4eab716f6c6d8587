"""Pages of an answer that was worked out once: the rest waits here until it is asked for."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from threemaps.standins.xray.exceptions import invalid

# Unfinished answers that are kept; the oldest goes first.
MAX_WAITING = 16


class Pages:
    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, list[Any]] = OrderedDict()

    def page(self, name: str, work_out: Callable[[], list[Any]], token: str | None) -> dict[str, Any]:
        """The first page, or the one that the token stands for, under `name`, with the token of the next."""
        items = self._rest(token) if token else work_out()
        answer: dict[str, Any] = {name: items[: self._size]}
        if len(items) > self._size:
            answer["NextToken"] = self._keep(items[self._size :])
        return answer

    def _rest(self, token: str) -> list[Any]:
        with self._lock:
            if token not in self._waiting:
                raise invalid("The NextToken is unknown or has expired")
            return self._waiting[token]

    def _keep(self, items: list[Any]) -> str:
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._waiting[token] = items
            while len(self._waiting) > MAX_WAITING:
                self._waiting.popitem(last=False)
        return token
