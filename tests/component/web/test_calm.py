"""The page is calm and quick: nothing jumps, and a crowd of services costs little."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.component.web.conftest import Scenario, Visit
from tests.unit.render import examples
from threemaps.model.servicemap import Edge, ServiceMap

MOST_SHIFT = 0.05
SIZES = {
    "phone": (390, 800),
    "tablet": (820, 1180),
    "small": (1024, 768),
    "large": (1920, 1080),
}
UPDATES = "performance.getEntriesByName('update', 'measure').length"
OBSERVE = """
window.shift = 0; window.moved = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) {
    if (one.hadRecentInput) continue;
    window.shift += one.value;
    window.moved.push(...one.sources.map(({ node }) => `${node?.nodeName} ${node?.id} ${one.value}`));
  }
}).observe({ type: "layout-shift", buffered: true });
"""


def opened(scenario: Scenario, visit: Visit, **options: object) -> Page:
    page = visit(scenario.url, **options)
    page.evaluate(OBSERVE)
    expect(page.locator("#connection")).to_have_text("live")
    return page


@pytest.mark.parametrize(
    "size", ["phone", *(pytest.param(name, marks=pytest.mark.long) for name in SIZES if name != "phone")]
)
def test_nothing_jumps(scenario: Scenario, visit: Visit, size: str) -> None:
    """From the first paint over the first health of the chain to new numbers, and to a map that differs."""
    width, height = SIZES[size]
    scenario.maps.update(examples.agreeing().maps)
    page = opened(scenario, visit, viewport={"width": width, "height": height})
    expect(page.locator("#health .bad")).to_be_visible()
    for name, found in scenario.maps.items():
        assert found
        scenario.maps[name] = found.map_edges(lambda one: Edge(*one.key, 41, one.errors, one.mean_ms))
    expect(page.locator("#rows")).to_contain_text("41")
    assert page.evaluate("window.shift") <= MOST_SHIFT, page.evaluate("window.moved")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.long
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("nodes", [43, 500])
def test_a_crowd_fits_every_screen(scenario: Scenario, visit: Visit, nodes: int, size: str) -> None:
    width, height = SIZES[size]
    scenario.maps.update(examples.crowd(nodes, nodes * 2).maps)
    page = opened(scenario, visit, viewport={"width": width, "height": height})
    expect(page.locator("#m0 .node").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def least(measure: Callable[[], float], bound: float) -> float:
    """The best of three: a busy machine makes nothing quicker."""
    found = measure()
    for _ in range(2):
        if found > bound:
            found = min(found, measure())
    return found


@pytest.mark.long
def test_a_crowd_of_500_is_painted_and_updated_in_time(scenario: Scenario, visit: Visit) -> None:
    """First paint within 2 s, an update within 100 ms of the browser's main thread."""
    scenario.maps.update(examples.crowd(500, 5000).maps)
    page = opened(scenario, visit)
    paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 1e9"

    def first_paint() -> float:
        page.goto(scenario.url)
        expect(page.locator("#connection")).to_have_text("live")
        found: float = page.evaluate(paint)
        return found

    assert least(first_paint, 2000) <= 2000
    number = 1_000_000

    def update() -> float:
        nonlocal number
        number += 1
        before = page.evaluate(UPDATES)
        held = scenario.maps["cloudwatch"]
        assert held
        first = held.edges[40]
        busier = Edge(*first.key, number, first.errors, first.mean_ms)
        scenario.maps["cloudwatch"] = ServiceMap.of(held.nodes, [*held.edges[:40], *held.edges[41:], busier])
        deadline = time.monotonic() + 60
        while page.evaluate(UPDATES) == before:
            assert time.monotonic() < deadline
            page.wait_for_timeout(100)
        took: float = page.evaluate("performance.getEntriesByName('update', 'measure').at(-1).duration")
        return took

    assert least(update, 100) <= 100
