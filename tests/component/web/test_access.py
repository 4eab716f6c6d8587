"""Pages, drawers and views without a fault that axe-core calls serious; drawer and panel by keyboard."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.component.web.conftest import Visit
from tests.running import System

pytestmark = [pytest.mark.system, pytest.mark.browser, pytest.mark.long]

SETTLED = 60_000
FRONT_TO_USERS = '#m1 [aria-label^="frontend_api calls users"]'
WEEK = ("/traces", "/ask?visualize=COUNT&group_by=name", "/ask?visualize=HEATMAP(duration_ms)")
PAGES = (*WEEK, "/rules", "/logs", "/errors", "/spend")


@pytest.fixture(scope="module")
def access_system(new_system: Callable[..., System]) -> System:
    system = new_system().up()
    system.ok("traffic", "--requests", "4")
    return system


@pytest.fixture
def page(access_system: System, visit: Visit) -> Page:
    page = visit(access_system.settings.url("web"), reduced_motion="reduce")
    expect(page.locator("#verdict .word")).to_have_text("agree", timeout=SETTLED)
    return page


def serious(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], one["nodes"][0]["html"][:160])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_no_serious_fault_on_any_page(page: Page) -> None:
    base = page.url.rstrip("/")
    found = {}
    for path in PAGES:
        page.goto(base + path)
        found[path] = serious(page)
    page.goto(f"{base}/traces")
    page.locator("tbody tr a").first.click()
    page.locator(".span summary").first.click()
    found["a trace"] = serious(page)
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_no_serious_fault_in_table_panel_and_drawer(page: Page) -> None:
    found = {}
    page.get_by_role("button", name="Table").click()
    found["table"] = serious(page)
    page.get_by_role("button", name="Side by side").click()
    page.locator(FRONT_TO_USERS).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-body h2")).to_be_visible()
    found["panel"] = serious(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Break something").click()
    page.locator("#tour details summary").first.click()
    found["drawer"] = serious(page)
    assert {part: faults for part, faults in found.items() if faults} == {}


def tab_to(page: Page, selector: str) -> None:
    """By Tab alone."""
    for _ in range(80):
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {selector}")


def test_the_panel_by_keyboard_alone(page: Page) -> None:
    tab_to(page, "#m1 [data-key]")
    page.keyboard.press("ArrowRight")
    chosen = page.evaluate("document.activeElement.id")
    page.keyboard.press("Enter")
    expect(page.locator("#panel-close")).to_be_focused()
    tab_to(page, "#panel a[href*=service]")
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == chosen


def test_the_drawer_by_keyboard_alone(page: Page) -> None:
    tab_to(page, "#tour-open")
    page.keyboard.press("Enter")
    expect(page.locator("#tour-close")).to_be_focused()
    tab_to(page, "#tour details summary")
    step = page.locator("#tour details").first
    was_open = step.get_attribute("open") is not None
    page.keyboard.press("Enter")
    assert (step.get_attribute("open") is not None) != was_open
    page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_be_hidden()
    expect(page.locator("#tour-open")).to_be_focused()
