"""Bringing the system up and down, and telling how it is."""

import contextlib
import json
import signal
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import NoReturn

from threemaps.demo import health, heartbeat
from threemaps.demo.ended import advice, telling
from threemaps.demo.lock import exclusive
from threemaps.demo.logs import rotate
from threemaps.demo.processes import Running, Spec, ended, known, last_lines, records, start, stop
from threemaps.demo.resolved import forget_keys
from threemaps.demo.state import claim
from threemaps.errors import UserError
from threemaps.settings import PORTS_FILE, Settings

HEALTHY_SECONDS = 40.0
HUNG_SECONDS = 10.0  # who ran already, and gives no answer for so long, is started anew
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Say = Callable[[str], None]

# Services first, so that their last spans still find the collector; then what the collector sends to.
STOP_ORDER = (
    ("frontend_api", "web", "guard"),
    ("activities",),
    ("users",),
    ("collector",),
    ("honeycomb", "aws", "rollbar"),
)


@contextlib.contextmanager
def exclusively(settings: Settings, say: Say) -> Iterator[None]:
    """One `up` or `down` at a time, in a folder that is ours alone."""
    claim(settings.state)
    waiting = f"waiting for another threemaps command that starts or stops things in {settings.state}"
    with exclusive(settings.run / "up.lock", lambda: say(waiting)):
        yield


def bring_up(settings: Settings, specs: Sequence[Spec], say: Say) -> None:
    """Starts what does not run with these settings yet; leaves nothing running when one of them fails."""
    health.require_own_ports(settings, [port for spec in specs for port in spec.ports])
    running = known(settings)
    with _stopping_on_failure(settings, running):
        to_start = [spec for spec in specs if not _runs_as_told(spec, running)]
        hung = _hung(settings, [spec for spec in specs if spec not in to_start])
        for spec in hung:
            say(f"  {spec.name:<14}gives no answer: started anew")
        to_start += hung
        unwanted = running.keys() - {spec.name for spec in specs} | {spec.name for spec in to_start}
        stop([running.pop(name) for name in unwanted & running.keys()])
        health.require_free_ports(settings, [port for spec in to_start for port in spec.ports])
        log_starts = dict.fromkeys((spec.name for spec in specs), 0)
        for spec in to_start:
            log = settings.logs / f"{spec.name}.log"
            rotate(log)
            log_starts[spec.name] = log.stat().st_size if log.exists() else 0
            with _undivided():
                running[spec.name] = start(spec, log)
                records(settings).save(running)
        for spec in specs:
            _await_health(settings, spec, running[spec.name], log_starts[spec.name])
            note = "" if spec in to_start else "  (was running)"
            say(f"  {spec.name:<14}{_address(spec):<26}pid {running[spec.name].pid}{note}")
        (settings.run / PORTS_FILE).write_text(json.dumps(dict(settings.ports)))


def _runs_as_told(spec: Spec, running: dict[str, Running]) -> bool:
    known = running.get(spec.name)
    return known is not None and known.fingerprint == spec.fingerprint and known.alive


def _hung(settings: Settings, specs: Sequence[Spec]) -> list[Spec]:
    """Those that give no healthy answer, though they run: stopped by a signal, or stuck."""
    silent = list(specs)

    def all_answer() -> bool:
        silent[:] = [spec for spec in silent if not _is_healthy(settings, spec)]
        return not silent

    health.wait_until(all_answer, HUNG_SECONDS)
    return silent


def _await_health(settings: Settings, spec: Spec, process: Running, log_start: int) -> None:
    gone = False

    def healthy_or_gone() -> bool:
        nonlocal gone
        gone = ended(process)
        return gone or _is_healthy(settings, spec)

    if health.wait_until(healthy_or_gone, HEALTHY_SECONDS) and not gone:
        return
    log = settings.logs / f"{spec.name}.log"
    where = f" at {spec.health_url}" if spec.health_url else ""
    what = "ended while starting" if gone else f"gave no healthy answer{where}"
    lines = last_lines(log, log_start)
    quoted = "".join(f"\n    {line}" for line in telling(lines))
    raise UserError(
        f"{spec.name} {what}. Its last lines:{quoted}", hint=advice(settings, spec.name, log, lines)
    )


def _is_healthy(settings: Settings, spec: Spec) -> bool:
    return health.answers(spec.health_url) if spec.health_url else heartbeat.beats(settings)


def _address(spec: Spec) -> str:
    return spec.health_url.removesuffix("/healthz").removesuffix("/api/health").removesuffix("/")


@contextlib.contextmanager
def _stopping_on_failure(settings: Settings, running: dict[str, Running]) -> Iterator[None]:
    """A failure, Ctrl-C, a SIGTERM or a closed terminal ends what runs; a second does not cut that short."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in previous.items():
        if handler is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, interrupt)
    try:
        yield
    except BaseException:
        with _deaf_to_interrupts():
            stop(list(running.values()))
            with contextlib.suppress(OSError):
                records(settings).save({})
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _undivided() -> Iterator[None]:
    """Ctrl-C waits for the end of the block: no process is started without being noted."""
    came: list[int] = []
    wanted = [number for number in INTERRUPTS if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, lambda got, frame: came.append(got)) for number in wanted}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def bring_down(settings: Settings, say: Say) -> int:
    """Stops all, in order; returns how many processes there were to stop."""
    running = known(settings)
    stopped = 0
    with _deaf_to_interrupts():
        for names in (*STOP_ORDER, tuple(running)):
            present = [running.pop(name) for name in names if name in running]
            present = [process for process in present if process.members()]
            killed = stop(present)
            for process in present:
                how = "killed: it did not end in time" if process.name in killed else "stopped"
                say(f"  {process.name:<14}{how}")
            stopped += len(present)
            with contextlib.suppress(OSError):  # a full disk: who is gone is known by its start time
                records(settings).save(running)
                (settings.run / PORTS_FILE).unlink(missing_ok=True)
    forget_keys(settings)
    return stopped
