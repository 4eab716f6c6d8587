"""Background processes: started, recognised again by a later command, stopped."""

import contextlib
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from threemaps.settings import Settings

STOP_SECONDS = 10.0
TAIL_BYTES = 65_536
# Who started a process, and as what: by these it is found again where the records are lost.
STARTED_IN, STARTED_AS = "THREEMAPS_STARTED_IN", "THREEMAPS_STARTED_AS"
POLL_SECONDS = 0.02

# Those that this very command started: kept, since Python warns of a forgotten child that still runs.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Spec:
    """What a process is to be. Two equal specs need no restart."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    health_url: str  # empty: the guard's, whose heartbeat says it
    ports: tuple[str, ...]  # names in settings.PORTS that it will listen on
    folder: Path

    @property
    def fingerprint(self) -> str:
        """Changes with anything that a running process would have to be restarted for; reveals no value."""
        described = json.dumps([self.command, sorted(self.environment.items()), str(self.folder)])
        return hashlib.sha256(described.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Running:
    """A process that an earlier command started; a later one with its pid has another start time."""

    name: str
    pid: int
    started: float
    fingerprint: str
    restarts: int = 0  # after panics, since a command started it

    @property
    def is_sound(self) -> bool:
        """Whether it can have been written by us: a file may have been cut or changed by hand."""
        is_process = type(self.pid) is int and self.pid > 0 and type(self.restarts) is int
        return is_process and isinstance(self.started, float | int) and isinstance(self.fingerprint, str)

    @property
    def alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return self._is_ours(process) and _runs(process)
        except psutil.NoSuchProcess:
            return False

    def _is_ours(self, process: psutil.Process) -> bool:
        """By the time of its start, or by our marks: who sets the clock moves all such times."""
        if abs(process.create_time() - self.started) < 1.0:
            return True
        return _session(process.pid) == self.pid and _marks(process).get(STARTED_AS) == self.name

    @property
    def clock_step(self) -> float:
        """By how many seconds the clock was set since its start; 0 where it does not run."""
        if not self.alive:
            return 0.0
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.pid).create_time() - self.started
        return 0.0

    @property
    def started_in(self) -> str:
        """The state folder that it was started with; empty where that cannot be seen."""
        with contextlib.suppress(psutil.Error):
            return _marks(psutil.Process(self.pid)).get(STARTED_IN, "")
        return ""

    @property
    def open_files(self) -> tuple[int, int]:
        """How many it has, and how many it may have; zeros where that cannot be seen."""
        with contextlib.suppress(psutil.Error, AttributeError, OSError):
            process = psutil.Process(self.pid)
            return process.num_fds(), process.rlimit(psutil.RLIMIT_NOFILE)[0]
        return 0, 0

    def members(self) -> list[psutil.Process]:
        """The process and its children: all that live in the session it was started with.

        A worker whose parent was killed stays in that session, and so is found here.
        """
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if _session(process.pid) == self.pid and self._may_be_member(process):
                    found.append(process)
        return found

    def _may_be_member(self, process: psutil.Process) -> bool:
        return process.create_time() > self.started - 1.0 or _marks(process).get(STARTED_AS) == self.name


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _marks(process: psutil.Process) -> dict[str, str]:
    """Its environment; nothing where we may not see it."""
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def start(spec: Spec, log: Path) -> Running:
    """Starts the process in a session of its own, with its output in a file, free of our terminal."""
    log.parent.mkdir(parents=True, exist_ok=True)
    marks = {STARTED_IN: str(log.parent.parent), STARTED_AS: spec.name}
    with log.open("ab") as output:
        child = subprocess.Popen(
            spec.command,
            env={**spec.environment, **marks},
            cwd=spec.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )
    _children[child.pid] = child
    return Running(spec.name, child.pid, psutil.Process(child.pid).create_time(), spec.fingerprint)


def stop(processes: Collection[Running], seconds: float = STOP_SECONDS) -> list[str]:
    """Asks all to end, waits for them together, and kills what is left. Returns the names of those killed."""
    waiting = {process.name: process.members() for process in processes}
    for process in processes:
        _signal(process.pid if process.alive else None, waiting[process.name])
    deadline = time.monotonic() + seconds
    killed = []
    for name, members in waiting.items():
        left = _wait(members, deadline)
        for member in left:
            _ignore_gone(member.kill)
        if left:
            killed.append(name)
            _wait(left, time.monotonic() + STOP_SECONDS)
    return killed


def _wait(members: Collection[psutil.Process], deadline: float) -> list[psutil.Process]:
    """Those that still run at the deadline. What has ended counts as gone, reaped by its parent or not."""
    left = [member for member in members if _runs(member)]
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = [member for member in left if _runs(member)]
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(leader: int | None, members: list[psutil.Process]) -> None:
    """The leader stops its own workers in order; workers without a leader get the signal themselves."""
    for member in members:
        if leader is None or member.pid == leader:
            _ignore_gone(member.terminate)


def _ignore_gone(action: Callable[[], None]) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        action()


class Records:
    """Which processes run, in a file that the next command reads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, Running]:
        try:
            stored = json.loads(self._path.read_text())
            found = {name: Running(name, **fields) for name, fields in stored.items()}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {}
        return {name: one for name, one in found.items() if one.is_sound}

    def save(self, running: Mapping[str, Running]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        stored = {
            name: {field: value for field, value in asdict(process).items() if field != "name"}
            for name, process in running.items()
        }
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(stored, indent=1))
        temporary.replace(self._path)


def records(settings: Settings) -> Records:
    return Records(settings.run / "processes.json")


def known(settings: Settings) -> dict[str, Running]:
    """What the records name, and what else was started here, which is like nothing that is asked for."""
    found = records(settings).load()
    for stray in _strays(settings, {process.pid for process in found.values()}):
        recorded = found.get(stray.name)
        taken = recorded is not None and recorded.alive
        found[f"{stray.name}.{stray.pid}" if taken else stray.name] = stray
    return found


def _strays(settings: Settings, recorded: Collection[int]) -> Iterator[Running]:
    """Processes that bear our marks, and stand in no record."""
    for process in psutil.process_iter():
        if process.pid in recorded or _session(process.pid) != process.pid:
            continue
        with contextlib.suppress(psutil.Error):
            marks = _marks(process)
            if marks.get(STARTED_IN) == str(settings.state):
                yield Running(marks.get(STARTED_AS, "?"), process.pid, process.create_time(), "")


def last_lines(log: Path, start: int = 0) -> list[str]:
    """Of what is in the log behind the byte `start`; enough to hold a panic of the collector's."""
    try:
        with log.open("rb") as file:
            file.seek(max(start, log.stat().st_size - TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def ended(process: Running) -> bool:
    """Whether it has ended. A child of ours is reaped, so that it does not stay as a zombie."""
    if process.pid in _children:
        return _children[process.pid].poll() is not None
    return not process.alive
