"""A real Chromium: the one this machine has, else one got the way the machine offers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COMMAND = "sudo apt-get install -y chromium"


def flags() -> list[str]:
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def executable() -> str:
    return _found() or _from_debian() or _from_playwright() or _give_up()


def _found() -> str | None:
    given = os.environ.get("CHROMIUM")
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    return given or on_path or (str(MAC) if MAC.exists() else None)


def _from_debian() -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    quiet = {"capture_output": True, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    subprocess.run(["apt-get", "update"], timeout=300, check=False, **quiet)
    subprocess.run(["apt-get", "install", "-y", "chromium"], timeout=900, check=False, **quiet)
    return shutil.which("chromium")


def _from_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    install = [sys.executable, "-m", "playwright", "install", "chromium"]
    subprocess.run(install, timeout=900, capture_output=True, check=False)
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _give_up() -> str:
    raise RuntimeError(f"the page is tested in Chromium, and none is here. Type: {COMMAND}")
