"""Large OTLP requests are translated in processes beside the stand-in.

Translating is most of the work, and an interpreter does it on one core. A process starts with a large
request, which small traffic never sends. It ends when none has come for some seconds, and with the stand-in:
the pipe closes even by a kill -9.
"""

import atexit
import contextlib
import fcntl
import pickle
import select
import signal as signals
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from queue import LifoQueue
from typing import IO, Any, Generic, TypeVar

from google.protobuf.message import DecodeError

from threemaps.standins.heap import collect_rarely

LARGE_BYTES = 200_000
IDLE_SECONDS = 5.0
PIPE_BYTES = 1 << 20
MOST_PROCESSES = 2


Batch = TypeVar("Batch")
# What a request is refused for, there as here.
REFUSALS = (DecodeError, ValueError)


class Translator(Generic[Batch]):
    """Translates beside where that pays.

    Large requests wait for a free process: here they would be in the way of what only this one can do.
    `translate` and `memory` are found again by their names there; `translate` takes the body, the memory and
    what else it is given, all of which can be pickled, as its answer can.
    """

    def __init__(self, translate: Callable[..., Batch], memory: type[object]) -> None:
        self._translate, self._memory = translate, memory()
        names = (translate.__module__, translate.__name__, memory.__module__, memory.__name__)
        self._processes = [Beside(names) for _ in range(MOST_PROCESSES)]
        # The last one used is the next one taken: those that are not needed end.
        self._free: LifoQueue[Beside] = LifoQueue()
        for process in self._processes:
            self._free.put(process)
        atexit.register(self._stop)

    def translate(self, body: bytes, *about: Any) -> Batch:
        """Raises what `translate` refuses the body with."""
        if len(body) >= LARGE_BYTES:
            process = self._free.get()
            try:
                batch: Batch = process.translate(body, *about)
                return batch
            except (OSError, EOFError, pickle.UnpicklingError):
                process.stop()
            finally:
                self._free.put(process)
        return self._translate(body, self._memory, *about)

    def _stop(self) -> None:
        for process in self._processes:
            process.stop()


class Beside:
    """A process that is started when it is needed; one thread at a time may ask it."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._process: subprocess.Popen[bytes] | None = None

    def translate(self, *job: Any) -> Any:
        process = self._process = self._process or _start(self._names)
        assert process.stdin is not None
        assert process.stdout is not None
        pickle.dump(job, process.stdin)
        process.stdin.flush()
        answer = pickle.load(process.stdout)  # noqa: S301 - from our own process
        if isinstance(answer, REFUSALS):
            raise answer
        return answer

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _start(names: tuple[str, ...]) -> subprocess.Popen[bytes]:
    program = f"from {__name__} import answer_requests; answer_requests{names!r}"
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for pipe in (process.stdin, process.stdout):
        _widen(pipe)
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie
    return process


def _widen(pipe: IO[bytes] | None) -> None:
    """A request and its answer fit: through the 64 kB of Linux each waits for the other ten times."""
    if pipe is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # others of this user may have had all that there is
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def answer_requests(translating: str, translate_name: str, remembering: str, memory_name: str) -> None:
    """Until the pipe is closed or quiet; a Ctrl-C is the stand-in's to handle."""
    signals.signal(signals.SIGINT, signals.SIG_IGN)
    translate = getattr(import_module(translating), translate_name)
    memory = getattr(import_module(remembering), memory_name)()
    collect_rarely()
    while select.select([sys.stdin.buffer], [], [], IDLE_SECONDS)[0]:
        try:
            body, *about = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the stand-in
        except EOFError:
            return
        try:
            answer = translate(body, memory, *about)
        except REFUSALS as error:
            answer = error
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()
