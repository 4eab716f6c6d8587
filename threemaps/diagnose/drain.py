"""The container beside the collector of a Fargate task: `python -m threemaps.diagnose.drain SECONDS`.

A task's disk goes with the task, and a collector that is stopped leaves its queues on disk. This container is
stopped before it, and ends when they are empty: not before SECONDS are over, in which
others learn that the task goes.
"""

import signal
import sys
import time

import requests

from threemaps.basics import nearby
from threemaps.diagnose.collector import parse_metrics
from threemaps.settings import Settings

EVERY = 0.5
QUIET = 3.0  # a batch on its way is in no queue
AT_MOST = 100.0  # Fargate kills after two minutes
QUEUE = "otelcol_exporter_queue_size"


def main() -> int:
    seconds = float(sys.argv[1])
    url = Settings.load().url("collector_metrics") + "/metrics"
    stopped = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopped)
    say("waits to be stopped")
    signal.sigwait(stopped)
    waited = drained(url, seconds, AT_MOST)
    left = waiting(url)
    say(f"{left or 0:.0f} bytes and spans are left in queues after {waited:.1f} s")
    return 1 if left else 0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def drained(url: str, at_least: float, at_most: float) -> float:
    """Waits until nothing waits in the collector's queues, or nobody tells; the seconds that it took."""
    began = full = time.monotonic()
    while True:
        now = time.monotonic()
        if waiting(url):
            full = now
        waited = now - began
        if waited >= at_most or (waited >= at_least and now - full >= QUIET):
            return waited
        time.sleep(EVERY)


def waiting(url: str) -> float | None:
    """What is in all queues together. None: the collector does not answer."""
    try:
        answer = nearby.get(url, 2)
    except requests.RequestException:
        return None
    return sum(sample.value for sample in parse_metrics(answer.text) if sample.name == QUEUE)


if __name__ == "__main__":
    sys.exit(main())
