"""Names, spans and log lines are somebody else's: nothing of them runs, nothing breaks the page."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.component.web.conftest import Scenario, Visit
from tests.unit.render import examples
from threemaps.model.difference import Comparison
from threemaps.model.servicemap import Edge, ServiceMap

PICTURES = {"agreeing": examples.agreeing, "differing": examples.differing, "unreadable": examples.unreadable}


def hold(scenario: Scenario, comparison: Comparison) -> None:
    scenario.maps.update(zip(scenario.maps, comparison.maps.values(), strict=True))


def test_hostile_names_stay_text(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.hostile())
    page = visit(scenario.url)
    expect(page.locator("#m0 .node")).to_have_count(len(examples.HOSTILE) + 1)
    assert page.locator("main img, main script, main iframe").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for number in range(len(examples.HOSTILE)):
        page.locator("#m0 .node").nth(number).focus()
        expect(page.locator("#card h3")).to_be_visible()


def test_hostile_names_stay_text_when_they_come_live(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)
    expect(page.locator("#connection")).to_have_text("live")
    hold(scenario, examples.hostile())
    expect(page.locator("#m0 .node")).to_have_count(len(examples.HOSTILE) + 1)
    expect(page.locator("#m1 .edge")).to_have_count(len(examples.HOSTILE) + 2)
    assert page.locator("main img, main script, main iframe").count() == 0


def test_names_do_not_reach_over_their_box(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.hostile())
    page = visit(scenario.url)
    wide = page.locator("#m0 .name").evaluate_all(
        "all => all.filter(one => one.getComputedTextLength() > 150).length"
    )
    assert wide == 0


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
@pytest.mark.parametrize("name", PICTURES)
def test_axe_finds_no_fault(scenario: Scenario, visit: Visit, name: str, scheme: str) -> None:
    hold(scenario, PICTURES[name]())
    # Without motion: a piece that has just come is faint for a moment.
    page = visit(scenario.url, color_scheme=scheme, reduced_motion="reduce")
    expect(page.locator("#connection")).to_have_text("live")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def test_a_crowd_is_drawn_and_lights_up(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.crowd(500, 5000))
    page = visit(scenario.url)
    assert 10 < page.locator("#m1 .node").count() <= 60
    expect(page.locator("#m1 .edge.diverging")).to_have_count(3)
    expect(page.locator("#rows tr")).to_have_count(200)
    page.locator("#m0 .node").nth(5).focus()
    expect(page.locator("#p2 .lit")).to_have_count(1)


@pytest.mark.long
def test_an_update_of_a_crowd_sends_what_changed(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.crowd(200, 1500))
    page = visit(scenario.url)
    expect(page.locator("#connection")).to_have_text("live")
    page.evaluate("document.querySelectorAll('.map .edge').forEach(one => { one.untouched = true })")
    held = scenario.maps["cloudwatch"]
    first = held.edges[40]
    busier = Edge(first.source, first.target, 123_456_789, first.errors, first.mean_ms)
    scenario.maps["cloudwatch"] = ServiceMap.of(held.nodes, [busier, *held.edges[:40], *held.edges[41:]])
    busy = re.compile(r"12[34],\d{3},\d{3} requests")
    expect(page.locator("#m2").get_by_role("button", name=busy)).to_have_count(1)
    touched = page.evaluate(
        "[...document.querySelectorAll('.map .edge')].filter(one => !one.untouched).length"
    )
    assert touched <= 4  # three maps, and all in one
