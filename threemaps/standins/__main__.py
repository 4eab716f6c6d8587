"""`python -m threemaps.standins NAME`: one vendor's stand-in as a process of its own."""

import logging
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

from threemaps.basics.background import run
from threemaps.basics.serving import listen
from threemaps.basics.waiting import WaitingApp
from threemaps.errors import UserError
from threemaps.settings import Settings
from threemaps.standins.heap import collect_rarely, share_one_heap
from threemaps.standins.hosts import only_from_here

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from threemaps.standins.opened import Opened
    from threemaps.standins.retention import Retention

VENDORS = {
    "honeycomb": "threemaps.standins.honeycomb.urls",
    "aws": "threemaps.standins.aws",
    "rollbar": "threemaps.standins.rollbar.responses",
}
# Most systems never send it anything: without data it opens its store with the first request.
SELDOM_USED = "rollbar"
THREADS = 8
# The front server refuses more than this before an app sees it.
MAX_REQUEST_BYTES = 32_000_000
RECEIVE_BYTES = 262_144
# A thread back from the store waits so long for the interpreter, with the next one waiting behind it.
SWITCH_SECONDS = 0.0005

log = logging.getLogger("threemaps.standins")


def main(arguments: list[str]) -> None:
    if len(arguments) != 1 or arguments[0] not in VENDORS:
        raise UserError(
            f"no stand-in is called {' '.join(arguments) or 'nothing'!r}",
            hint=f"python -m threemaps.standins {'|'.join(VENDORS)}",
            exit_code=2,
        )
    serve(arguments[0], Settings.load())


def serve(name: str, settings: Settings, retention: "Retention | None" = None) -> None:
    """Serves until SIGTERM; requests under way are answered first."""
    signal.signal(signal.SIGTERM, _stop)
    sys.setswitchinterval(SWITCH_SECONDS)
    share_one_heap()
    path = settings.data / f"{name}.duckdb"
    opened: list[Opened] = []

    def load() -> "WSGIApplication":
        from threemaps.standins.opened import open_vendor

        opened.append(open_vendor(VENDORS[name], path, retention))
        return opened[0].app

    try:
        _listen(name, WaitingApp(load) if name == SELDOM_USED and not path.exists() else load(), settings)
    finally:
        for one in opened:
            one.close()


def _listen(name: str, app: "WSGIApplication", settings: Settings) -> None:
    server = listen(
        only_from_here(app),
        name,
        settings.bind,
        settings.ports[name],
        THREADS,
        max_request_body_size=MAX_REQUEST_BYTES,
        # Beyond this a body waits in a file; the default would write every batch of spans to disk.
        inbuf_overflow=MAX_REQUEST_BYTES,
        recv_bytes=RECEIVE_BYTES,
    )
    collect_rarely()
    log.info("%s answers on http://%s:%s", name, settings.bind, settings.ports[name])
    server.run()
    server.close()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
