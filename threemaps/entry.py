"""The first lines of the `threemaps` command: Ctrl-C while the rest is being loaded is as quiet as later."""

import os
import sys

INTERRUPTED = 130  # as shells have it: 1 would say that maps differ, 2 that one could not be read


def main() -> None:
    open_closed_streams()
    try:
        from threemaps.cli.main import run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def open_closed_streams() -> None:
    """Where a caller closed one of them, the next file that is opened would take its place and its output."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
