"""The first lines of the `threemaps` command: Ctrl-C while the rest is being loaded is as quiet as later."""

import sys

INTERRUPTED = 130  # as shells have it: 1 would say that maps differ, 2 that one could not be read


def main() -> None:
    try:
        from threemaps.cli.main import run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
