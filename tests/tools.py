"""`make test-tools`: gets what some tests need beyond Python, where this machine lacks it.

The collector, Chromium (Debian's as root, else Playwright's), kustomize, and
clients of AWS in environments of their own.
"""

import os
import shutil
import subprocess
import sys

from tests.component.deploy import kustomize
from tests.component.web import chromium
from tests.foreign import ENVIRONMENTS
from tests.system.docker.tools import Missing
from tests.wider_collector import say
from threemaps.demo.collector import collector_binary
from threemaps.errors import UserError


def main() -> int:
    failed = 0
    others = (one.make for one in ENVIRONMENTS)
    for get in (lambda: collector_binary(say), get_chromium, get_kustomize, *others):
        try:
            get()
        except (Missing, UserError, OSError, subprocess.SubprocessError) as error:
            sys.stderr.write(f"{error}\n  → {getattr(error, 'hint', 'see above')}\n")
            failed = 1
    return failed


def get_kustomize() -> None:
    if kustomize.found() is None:
        kustomize.build_once()


def get_chromium() -> None:
    if chromium.found():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "--quiet"], timeout=300, check=False, env=quiet)
        subprocess.run(["apt-get", "install", "--yes", "chromium"], timeout=900, check=False, env=quiet)
    else:
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(command, timeout=900, check=False)
    if not chromium.found():
        raise Missing("there is no Chromium, and it could not be installed", "sudo apt-get install chromium")


if __name__ == "__main__":
    sys.exit(main())
