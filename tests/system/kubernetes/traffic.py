"""Requests that keep coming while something breaks; each has to be answered in full."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import requests

from tests.system.counting import HOME
from tests.system.kubernetes.cluster import Cluster

CLIENTS = 3
PAUSE_SECONDS = 0.1


@dataclass
class Traffic:
    answered: int = 0
    failed: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def one(self, url: str) -> None:
        """Over a connection of its own, as clients from outside come."""
        try:
            answer = requests.get(url, timeout=30)
            problem = (
                ""
                if answer.ok and not answer.json().get("degraded")
                else f"{answer.status_code} {answer.text[:80]}"
            )
        except requests.RequestException as error:
            problem = repr(error)[:200]
        with self._lock:
            self.answered += not problem
            self.failed += [f"{time.strftime('%X')} {problem}"] if problem else []


@contextlib.contextmanager
def traffic(cluster: Cluster) -> Iterator[Traffic]:
    """None of it may have failed in the end; `cluster.made` then has what was answered, too."""
    found, over = Traffic(), threading.Event()
    cluster.begin()

    def client() -> None:
        while not over.wait(PAUSE_SECONDS):
            found.one(cluster.home)

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for one in clients:
        one.start()
    try:
        yield found
    finally:
        over.set()
        for one in clients:
            one.join()
        cluster.made.update({edge: calls * found.answered for edge, calls in HOME.items()})
    assert found.failed == []
    assert found.answered
