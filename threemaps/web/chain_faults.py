"""The collector of this machine, stopped or with a key that Honeycomb refuses; and put right again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from threemaps.demo import health
from threemaps.demo.collector import collector_binary
from threemaps.demo.faults import require_local
from threemaps.demo.lock import attempted
from threemaps.demo.processes import Records, Running, records, start, stop
from threemaps.demo.resolved import write_resolved
from threemaps.demo.system import collector_spec
from threemaps.errors import UserError
from threemaps.settings import LOCAL_INGEST_KEY, Settings

NAME = "collector"
WRONG_KEY = "a-key-that-nobody-gave-out"
STARTED_SECONDS = 20.0


def is_ours(settings: Settings) -> bool:
    """Whether `threemaps up` started a collector here; in containers others start and stop it."""
    return NAME in records(settings).load()


def state(settings: Settings) -> str:
    """well, stopped or wrong key."""
    known = records(settings).load().get(NAME)
    if known is not None and not known.alive:
        return "stopped"
    return "wrong key" if _key(settings) == WRONG_KEY else "well"


def stop_collector(settings: Settings) -> str:
    with _collector(settings) as (_, known):
        stop([known])
    return "the collector is stopped"


def use_wrong_key(settings: Settings) -> str:
    with _collector(settings) as (stored, known):
        write_resolved(settings)
        (settings.run / "honeycomb_api_key").write_text(WRONG_KEY)
        # Without its fingerprint the next `threemaps up` starts it anew, with the key that was given.
        _start_again(settings, stored, replace(known, fingerprint=""))
    return "the collector has a key that Honeycomb refuses"


def put_right(settings: Settings) -> str:
    """Starts the collector with the right key, unless it runs with it."""
    if state(settings) == "well":
        return "the collector is as it should be"
    with _collector(settings) as (stored, known):
        write_resolved(settings)
        _start_again(settings, stored, known)
    return "the collector runs with the right key"


@contextmanager
def _collector(settings: Settings) -> Iterator[tuple[Records, Running]]:
    """The records and the collector in them, while no other command starts or stops things."""
    require_local(settings)
    with attempted(settings.run / "up.lock") as is_free:
        stored = records(settings)
        known = stored.load().get(NAME)
        if known is None:
            raise UserError("no collector was started here", hint="threemaps up")
        if not is_free:
            raise UserError(
                "another threemaps command starts or stops things", hint="try again when it is done"
            )
        yield stored, known


def _start_again(settings: Settings, stored: Records, known: Running) -> None:
    stop([known])
    spec = collector_spec(settings, collector_binary(lambda line: None))
    again = start(spec, settings.logs / f"{NAME}.log")
    stored.save({**stored.load(), NAME: replace(again, fingerprint=known.fingerprint)})
    if not health.wait_until(lambda: health.answers(spec.health_url), STARTED_SECONDS):
        raise UserError("the collector gave no answer after its start", hint="threemaps doctor")


def _key(settings: Settings) -> str:
    try:
        return (settings.run / "honeycomb_api_key").read_text()
    except OSError:
        return LOCAL_INGEST_KEY
