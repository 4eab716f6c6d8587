"""Steady traffic into a collector, and what of it was acknowledged."""

import threading
import time

import requests

from tests.collector_process import CollectorProcess
from tests.component.collector.sending import call, segment, send, send_log, send_segment, trace_id

PAUSE = 0.01
SPANS_A_CALL = 3
SEGMENTS_EVERY, SEGMENTS_AT_ONCE = 10, 5
CONFIRM_SECONDS = 5.0
# The receiver counts a segment without subsegments as two.
COUNTED_AS = 2


class Traffic:
    """Calls from NAME-a to NAME-b, one log line a call, and now and then segments of NAME-sdk over UDP.

    Segments have no answer: those count as acknowledged that the collector says it accepted.
    """

    def __init__(self, collector: CollectorProcess, name: str, pause: float = PAUSE) -> None:
        self.name = name
        self.spans: dict[str, float] = {}
        self.segments: dict[str, float] = {}
        self.lines: dict[str, float] = {}
        self.traces: list[str] = []
        self.calls = self.refused_spans = self.refused_lines = self.unconfirmed_segments = 0
        self._collector = collector
        self._pause = pause
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stopped.wait(self._pause):
            number += 1
            self.send_call()
            self.send_line(f"{self.name} {number}.")
            if number % SEGMENTS_EVERY == 0:
                self.send_segments()

    def send_call(self) -> None:
        spans = call(f"{self.name}-a", f"{self.name}-b")
        self.traces.append(spans[0]["traceId"])
        try:
            send(self._collector.otlp_http, spans)
        except requests.RequestException:
            self.refused_spans += len(spans)
            return
        self.spans |= {span["spanId"]: time.time() for span in spans}
        self.calls += 1

    def send_line(self, body: str) -> None:
        try:
            send_log(self._collector.otlp_http, f"{self.name}-a", body, trace_id())
        except requests.RequestException:
            self.refused_lines += 1
            return
        self.lines[body] = time.time()

    def send_segments(self) -> None:
        sent = [segment(f"{self.name}-sdk", trace_id()) for _ in range(SEGMENTS_AT_ONCE)]
        try:
            before = self._accepted()
            for one in sent:
                send_segment(self._collector.settings.ports["xray"], one)
            confirmed = self._wait_for(before + COUNTED_AS * len(sent))
        except (requests.RequestException, OSError):
            confirmed = False
        if not confirmed:
            self.unconfirmed_segments += len(sent)
            return
        self.segments |= {one["id"]: time.time() for one in sent}
        self.traces += [one["trace_id"].replace("-", "")[1:] for one in sent]

    def _wait_for(self, count: float) -> bool:
        deadline = time.monotonic() + CONFIRM_SECONDS
        while (accepted := self._accepted()) < count:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return accepted == count

    def _accepted(self) -> float:
        return self._collector.metric("otelcol_receiver_accepted_spans", receiver="awsxray")
