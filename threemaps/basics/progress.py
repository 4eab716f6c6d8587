"""Progress that people can watch: a bar in a terminal, now and then a line in a pipe."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

import click

LINE_EVERY_SECONDS = 2.0


@contextlib.contextmanager
def counting(label: str, total: int) -> Iterator[Callable[[], None]]:
    """Gives a function to call for each thing done."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(label, total=total)
            yield lambda: progress.advance(task)
        return
    yield _plain_counter(label, total)


def _plain_counter(label: str, total: int) -> Callable[[], None]:
    done, last_line = 0, time.monotonic()
    lock = threading.Lock()  # several threads count, and no line may show less than the one before

    def advance() -> None:
        nonlocal done, last_line
        with lock:
            done += 1
            if time.monotonic() - last_line >= LINE_EVERY_SECONDS or done == total:
                last_line = time.monotonic()
                print(f"{label}: {done} of {total}", file=sys.stderr, flush=True)  # noqa: T201

    return advance


def say(line: str) -> None:
    """Prints a line if anybody still reads; the work continues without it."""
    try:
        click.echo(line)
    except OSError:
        give_up_stdout()


def give_up_stdout() -> None:
    """What could not be written there would be tried again at the end, and fail once more."""
    with open(os.devnull, "w") as nobody, contextlib.suppress(OSError):
        os.dup2(nobody.fileno(), sys.stdout.fileno())
