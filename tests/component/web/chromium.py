"""A real Chromium: the one this machine has."""

import os
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.needs import missing

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


def flags() -> list[str]:
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def executable() -> str:
    return found() or missing("Chromium, in which the page is tested,")


def found() -> str | None:
    """CHROMIUM, the machine's own, or the one that Playwright has downloaded."""
    given = os.environ.get("CHROMIUM")
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    return given or on_path or (str(MAC) if MAC.exists() else _of_playwright())


def _of_playwright() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None
