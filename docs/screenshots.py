"""Makes the pictures in docs/images from a running system: `threemaps up && python docs/screenshots.py`.

It sends some traffic, gives the collector a wrong key and makes `users` fail, each for a moment. Chromium has
to be on PATH (or in CHROMIUM).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from threemaps.settings import Settings
from threemaps.web.health import LINKS

IMAGES = Path(__file__).parent / "images"
CLI = Path(sys.executable).with_name("threemaps")
WAIT = 90_000
SIZE: ViewportSize = {"width": 1440, "height": 940}
EDGE = '#m1 [aria-label^="frontend_api calls users"]'


def threemaps(*arguments: str) -> None:
    subprocess.run([CLI, *arguments], check=False, stdout=subprocess.DEVNULL)


def save(page: Page, name: str, *, full: bool = False) -> None:
    page.screenshot(path=IMAGES / f"{name}.png", full_page=full)


def settled(page: Page) -> None:
    expect(page.locator("#verdict .word")).to_have_text("agree", timeout=WAIT)
    expect(page.locator("#health li.good")).to_have_count(len(LINKS), timeout=WAIT)


def the_maps(page: Page, url: str) -> None:
    page.goto(url)
    settled(page)
    page.locator(f"{EDGE} .label").first.hover()
    save(page, "page")
    page.emulate_media(color_scheme="dark")
    save(page, "page-dark")
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Table").click()
    save(page, "page-table")


def a_wrong_key(page: Page, url: str) -> None:
    page.goto(url)
    settled(page)
    page.get_by_role("button", name="Break something").click()
    step = page.locator("details[data-step=key]")
    step.locator("summary").click()
    step.locator("[data-action=break]").click()
    expect(page.locator("#m0 .edge.diverging").first).to_be_visible(timeout=WAIT)
    expect(page.locator("#differences")).to_contain_text("rejects the key", timeout=WAIT)
    page.set_viewport_size({"width": 1440, "height": 1340})
    save(page, "page-difference")
    page.set_viewport_size(SIZE)
    step.locator("[data-action=mend]").click()
    settled(page)


def a_failing_service(page: Page, url: str) -> None:
    threemaps("fault", "users", "--errors", "0.4")
    threemaps("traffic", "--requests", "40")
    threemaps("fault", "users", "--clear")
    page.goto(url)
    expect(page.locator(f"{EDGE} .failed")).to_be_visible(timeout=WAIT)
    settled(page)
    save(page, "page-errors")


def a_trace(page: Page, url: str) -> None:
    page.locator(EDGE).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Details").locator(".courses .spark")).to_have_count(3)
    save(page, "page-panel")
    page.get_by_label("Details").locator(".samples a").first.click()
    save(page, "trace")
    page.goto(f"{url}/ask?since=15m&visualize=HEATMAP(duration_ms)")
    save(page, "questions", full=True)


def a_phone(page: Page, url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(url)
    settled(page)
    save(page, "page-phone")


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    url = Settings.load().url("web")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    threemaps("traffic", "--requests", "40")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
        for scene in (the_maps, a_wrong_key, a_failing_service, a_trace, a_phone):
            scene(page, url)
        browser.close()


if __name__ == "__main__":
    main()
