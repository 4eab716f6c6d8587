"""`python -m tests.system.docker.run COMMAND…`: runs it with a Docker engine, Compose and base images.

Uses what the machine has, gets what it lacks, and takes away again what it started.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from tests.system.docker.compose_plugin import with_compose
from tests.system.docker.engine import engine, forget
from tests.system.docker.images import base_images, built_images
from tests.system.docker.tools import Missing, say

UNAVAILABLE = 69  # as in sysexits.h: nothing was tested, as no engine can be had here


def main(command: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    project = f"threemaps-test-{os.getpid()}"
    answers = False
    try:
        with engine() as (started, environ):
            answers = True
            surroundings = {**with_compose(environ), "COMPOSE_PROJECT_NAME": project}
            with base_images(surroundings, keep=started), built_images(surroundings, keep=started):
                try:
                    return run(command, surroundings)
                finally:
                    forget([project, f"{project}-keys"], surroundings)
    except Missing as missing:
        sys.stderr.write(f"{missing}\n  → {missing.hint}\n")
        return 1 if answers else UNAVAILABLE
    except KeyboardInterrupt:
        return 130


def run(command: Sequence[str], environ: dict[str, str]) -> int:
    """The command's own exit code; on Ctrl-C it is given the time to tidy up."""
    process = subprocess.Popen(command, env=environ)
    try:
        return process.wait()
    except KeyboardInterrupt:
        say("stopping")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        process.send_signal(signal.SIGINT)
        return process.wait() or 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
