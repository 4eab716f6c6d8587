"""Drawer and panel by keyboard alone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.component.web.conftest import Visit
from tests.running import System

pytestmark = [pytest.mark.system, pytest.mark.browser, pytest.mark.long]

SETTLED = 60_000


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
