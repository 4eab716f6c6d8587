"""`python -m threemaps.web`: the page as a process of its own."""

import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

from threemaps.basics.background import run
from threemaps.basics.serving import listen
from threemaps.basics.waiting import WaitingApp
from threemaps.settings import Settings
from threemaps.web import MOST_STREAMS

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from flask import Flask

THREADS = MOST_STREAMS + 8


def serve(settings: Settings) -> None:
    """Until SIGTERM, which ends the live updates first: they would never end of themselves."""
    pages: list[Flask] = []

    def load() -> "WSGIApplication":
        from threemaps.web.app import create_app

        pages.append(create_app(settings))
        return pages[0].wsgi_app

    def stop(number: int, frame: FrameType | None) -> None:
        for page in pages:
            page.extensions["live"].stop()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    server = listen(WaitingApp(load), "web", settings.bind, settings.ports["web"], THREADS)
    server.run()
    server.close()


if __name__ == "__main__":
    sys.exit(run(lambda: serve(Settings.load())))
