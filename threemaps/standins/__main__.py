"""`python -m threemaps.standins NAME`: one vendor's stand-in as a process of its own."""

import logging
import signal
import sys
from importlib import import_module
from types import FrameType

from waitress.server import create_server

from threemaps.errors import UserError
from threemaps.settings import Settings
from threemaps.standins.http import MAX_REQUEST_BYTES
from threemaps.standins.retention import RETENTION, Retention, Trimmer
from threemaps.standins.store import Store

VENDORS = {
    "honeycomb": "threemaps.standins.honeycomb.app",
    "aws": "threemaps.standins.aws",
    "rollbar": "threemaps.standins.rollbar",
}
THREADS = 8
RECEIVE_BYTES = 262_144
# A thread back from the store waits so long for the interpreter, with the next one waiting behind it.
SWITCH_SECONDS = 0.0005

log = logging.getLogger("threemaps.standins")


def main(arguments: list[str]) -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    try:
        if len(arguments) != 1 or arguments[0] not in VENDORS:
            raise UserError(
                f"no stand-in is called {' '.join(arguments) or 'nothing'!r}",
                hint=f"python -m threemaps.standins {'|'.join(VENDORS)}",
                exit_code=2,
            )
        serve(arguments[0], Settings.load())
    except UserError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        return error.exit_code
    return 0


def serve(name: str, settings: Settings, retention: Retention = RETENTION) -> None:
    """Serves until SIGTERM; requests under way are answered first."""
    signal.signal(signal.SIGTERM, _stop)
    sys.setswitchinterval(SWITCH_SECONDS)
    vendor = import_module(VENDORS[name])
    store = Store(settings.data / f"{name}.duckdb", vendor.SCHEMA)
    trimmer = Trimmer(store, retention)
    trimmer.start()
    try:
        _listen(name, vendor.create_app(store), settings)
    finally:
        trimmer.stop()
        store.close()


def _listen(name: str, app: object, settings: Settings) -> None:
    port = settings.ports[name]
    try:
        server = create_server(
            app,
            host=settings.bind,
            port=port,
            threads=THREADS,
            max_request_body_size=MAX_REQUEST_BYTES,
            # Beyond this a body waits in a file; the default would write every batch of spans to disk.
            inbuf_overflow=MAX_REQUEST_BYTES,
            recv_bytes=RECEIVE_BYTES,
            ident=None,
        )
    except OSError as error:
        raise UserError(
            f"{name} cannot listen on {settings.bind}:{port}: {error.strerror or error}",
            hint=f"stop what holds the port, or set THREEMAPS_PORT_{name.upper()}",
        ) from error
    log.info("%s answers on http://%s:%s", name, settings.bind, port)
    server.run()
    server.close()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
