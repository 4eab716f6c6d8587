"""Break something: each step is clicked, and every map shows what the drawer says that it shows."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.component.web.conftest import Visit
from tests.running import System
from threemaps.web import chain_faults, tour, tries

pytestmark = [pytest.mark.system, pytest.mark.browser, pytest.mark.long]

SETTLED = 90_000
FRONT_TO_USERS = '[aria-label^="frontend_api calls users"]'


@pytest.fixture(scope="module")
def tour_system(new_system: Callable[..., System]) -> System:
    """Of its own: others would find it broken."""
    return new_system().up()


@pytest.fixture
def page(tour_system: System, visit: Visit) -> Iterator[Page]:
    tour_system.ok("traffic", "--requests", "4")
    page = visit(tour_system.settings.url("web"))
    expect(page.locator("#verdict .word")).to_have_text("agree", timeout=SETTLED)
    page.get_by_role("button", name="Break something").click()
    yield page
    tour.mend(tour_system.settings)


# The dead service comes last: afterwards X-Ray has two edges to it and CloudWatch one, for the whole window.


def take(page: Page, key: str) -> Locator:
    """Opens a step, breaks what it breaks, and waits until that is done."""
    step = page.locator(f"details[data-step={key}]")
    if step.get_attribute("open") is None:
        step.locator("summary").click()
    step.locator("[data-action=break]").click()
    expect(page.locator("#tour .said")).to_contain_text(f"sent {tour.REQUESTS}", timeout=SETTLED)
    return step


def calls(page: Page) -> int:
    return int((edge(page, 1).get_attribute("data-figures") or "").split("|")[1])


def edge(page: Page, number: int) -> Locator:
    return page.locator(f"#m{number} {FRONT_TO_USERS}")


def test_with_a_wrong_key_one_map_falls_behind_and_catches_up(page: Page, tour_system: System) -> None:
    take(page, "key")
    expect(page.locator("#verdict .word")).to_have_text("differ", timeout=SETTLED)
    expect(page.locator("#m0 .edge.diverging").first).to_be_visible()
    expect(page.locator("#m1 .edge.diverging, #m2 .edge.diverging")).to_have_count(0)
    expect(page.locator("#differences")).to_contain_text("rejects the key", timeout=SETTLED)
    page.locator("details[data-step=key] [data-action=mend]").click()
    expect(page.locator("#verdict .word")).to_have_text("agree", timeout=SETTLED)
    tour_system.ok("up")
    assert chain_faults.state(tour_system.settings) == "well"


def test_without_a_collector_no_map_moves_and_the_chain_says_so(page: Page, tour_system: System) -> None:
    before = calls(page)
    take(page, "stopped")
    expect(page.locator("#health .bad")).to_contain_text("collector", timeout=SETTLED)
    expect(page.locator("#traffic")).to_contain_text("the collector has stopped", timeout=SETTLED)
    assert calls(page) < before + tour.REQUESTS
    assert chain_faults.state(tour_system.settings) == "stopped"
    page.locator("details[data-step=stopped] [data-action=mend]").click()
    expect(page.locator("#tour .said")).to_contain_text("the collector runs", timeout=SETTLED)
    expect(page.locator("#health .bad")).to_have_count(0, timeout=SETTLED)


def test_a_slow_service_is_seen_where_edges_have_times(page: Page) -> None:
    take(page, "slow")
    for number in (1, 2):
        slow = re.compile(r"^drawn\|[\d,]+\|0\|[1-9]\d\d ms")
        expect(edge(page, number)).to_have_attribute("data-figures", slow, timeout=SETTLED)
    expect(edge(page, 0)).to_have_attribute("data-figures", re.compile(r"\|–\|–\|–$"))
    expect(page.locator("#traffic")).to_contain_text("400 ms slower", timeout=SETTLED)
    expect(page.locator("#tour-now")).to_contain_text("ms", timeout=SETTLED)


def test_a_failing_service_is_red_where_edges_have_errors(page: Page) -> None:
    take(page, "failing")
    for number in (1, 2):
        expect(edge(page, number).locator(".failed")).to_be_visible(timeout=SETTLED)
    expect(edge(page, 0).locator(".failed")).to_have_count(0)
    expect(page.locator("#tour-now")).to_contain_text("failed", timeout=SETTLED)


def test_a_dead_service_is_seen_by_those_who_ask_its_callers(page: Page, tour_system: System) -> None:
    take(page, "dead")
    for number in (1, 2):
        expect(edge(page, number).locator(".failed").first).to_be_visible(timeout=SETTLED)
    expect(page.locator("#traffic")).to_contain_text("Honeycomb cannot draw all of it", timeout=SETTLED)
    page.locator("details[data-step=dead] [data-action=mend]").click()
    expect(page.locator("#tour .said")).to_contain_text("every service is as it should be", timeout=SETTLED)
    assert set(tries.states(tour_system.settings).values()) == {"well"}
