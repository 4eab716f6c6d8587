"""`python -m threemaps.diagnose.guard`: looks after the collector, whatever becomes of the page.

It counts what was lost and keeps log files short. Beside a collector that the launcher started it also keeps
room on the disk, and starts it again after a panic. In Compose and Kubernetes it is a container, `guard`.
"""

import signal
import sys

from threemaps.basics.background import run
from threemaps.basics.periodic import Periodic
from threemaps.demo import heartbeat
from threemaps.demo.keeper import Keeper
from threemaps.demo.logs import Rotator
from threemaps.demo.room import Room
from threemaps.diagnose.recorder import Recorder
from threemaps.settings import Settings

BEAT_SECONDS = 1.0


def watch(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before there are threads, which inherit it
    settings.logs.mkdir(parents=True, exist_ok=True)
    for watcher in (
        Rotator(settings.logs),
        Recorder(settings),
        Keeper(settings),
        Room(settings),
        Periodic("heartbeat", BEAT_SECONDS, lambda: heartbeat.beat(settings)),
    ):
        watcher.start()
    signal.sigwait(ends)
    heartbeat.end(settings)


if __name__ == "__main__":
    sys.exit(run(lambda: watch(Settings.load())))
