"""Requests sent across the services, at a rate or as fast as they come back."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests
from requests.adapters import HTTPAdapter

WORKERS = 8
TIMEOUT_SECONDS = 30.0


@dataclass(slots=True)
class Report:
    """What came of the requests; `trace_ids` are those of the answers, in no order."""

    ok: int = 0
    failed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    trace_ids: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        return self.ok + self.failed


class Traffic:
    """Sends `count` requests over `paths` in turn; `rate` a second, or without a pause when it is 0."""

    def __init__(self, base_url: str, paths: Sequence[str], count: int, rate: float) -> None:
        self._base_url = base_url.rstrip("/")
        self._paths = paths
        self._count = count
        self._rate = rate
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.report = Report()

    def run(self, on_done: Callable[[], None]) -> Report:
        """Sends them all; stops early, with what was sent until then, on Ctrl-C."""
        with requests.Session() as session, ThreadPoolExecutor(WORKERS) as pool:
            session.mount("http://", HTTPAdapter(pool_maxsize=WORKERS))
            session.trust_env = False
            started = time.monotonic()
            try:
                for number in range(self._count):
                    self._await_turn(started, number)
                    pool.submit(self._send, session, self._paths[number % len(self._paths)], on_done)
                pool.shutdown(wait=True)
            except KeyboardInterrupt:
                self._stopping.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return self.report

    def _await_turn(self, started: float, number: int) -> None:
        if self._rate:
            self._stopping.wait(max(0.0, started + number / self._rate - time.monotonic()))

    def _send(self, session: requests.Session, path: str, on_done: Callable[[], None]) -> None:
        if self._stopping.is_set():
            return
        try:
            answer = session.get(self._base_url + path, timeout=TIMEOUT_SECONDS)
            reason = "" if answer.status_code < 400 else f"HTTP {answer.status_code}"
            trace_id = answer.headers.get("X-Trace-Id", "")
        except requests.RequestException as error:
            reason, trace_id = type(error).__name__, ""
        self._note(reason, trace_id)
        on_done()

    def _note(self, reason: str, trace_id: str) -> None:
        with self._lock:
            if trace_id:
                self.report.trace_ids.append(trace_id)
            if reason:
                self.report.failed += 1
                self.report.reasons[reason] = self.report.reasons.get(reason, 0) + 1
            else:
                self.report.ok += 1
