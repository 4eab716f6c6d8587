"""The page in a real browser, over backends that hold what each test says."""

import re

from playwright.sync_api import Page, expect

from tests.component.web.conftest import Scenario, Visit
from tests.unit.render import examples
from threemaps.model.difference import Comparison
from threemaps.model.servicemap import Edge, ServiceMap

FRONT_TO_ACTIVITIES = '[aria-label^="frontend_api calls activities"]'


def hold(scenario: Scenario, comparison: Comparison) -> None:
    scenario.maps.update(comparison.maps)


def edge(page: Page, number: int, label: str = FRONT_TO_ACTIVITIES) -> str:
    return f"#m{number} {label}"


def test_first_load(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)
    expect(page.locator("#verdict .word")).to_have_text("agree")
    expect(page.locator(".panels svg.map:visible")).to_have_count(3)
    for number in range(3):
        expect(page.locator(f"#m{number} .node")).to_have_count(4)
    expect(page.locator("#m0 .undrawn")).to_have_count(2)
    expect(page.locator("#rows tr")).to_have_count(4)
    expect(page.locator("#connection")).to_have_text("live")


def test_nodes_stand_at_the_same_place_in_every_map(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.differing())
    page = visit(scenario.url)
    places = [
        page.locator(f"#m{number} .box").evaluate_all(
            "all => all.map(one => [one.x.baseVal.value, one.y.baseVal.value])"
        )
        for number in range(3)
    ]
    assert places[0] == places[1] == places[2]
    assert len(places[0]) == 5


def test_a_new_request_appears_by_itself_and_only_what_changed_is_sent(
    scenario: Scenario, visit: Visit
) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)
    expect(page.locator("#connection")).to_have_text("live")
    page.evaluate("document.querySelectorAll('#m1 .edge').forEach(one => { one.untouched = true })")
    more = [
        Edge(one.source, one.target, 41, one.errors, one.mean_ms)
        if one.source.name == "frontend_api" and one.target.name == "activities"
        else one
        for one in scenario.maps["xray"].edges
    ]
    for name in scenario.maps:
        scenario.maps[name] = ServiceMap.of((), more)
    expect(page.locator(edge(page, 1))).to_contain_text("41")
    expect(page.locator("#rows")).to_contain_text("41")
    replaced = "[...document.querySelectorAll('#m1 .edge')].filter(one => !one.untouched)"
    assert page.evaluate(f"{replaced}.length") == 1


def test_a_difference_appears_and_vanishes(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)
    expect(page.locator("#verdict .word")).to_have_text("agree")
    whole = scenario.maps["xray"]
    scenario.maps["xray"] = ServiceMap.of(
        whole.nodes, [one for one in whole.edges if one.target.name != "users"]
    )
    expect(page.locator("#m1 .edge.missing")).to_have_count(2)
    expect(page.locator("#m2 .edge.diverging, #m2 .edge.missing")).to_have_count(0)
    expect(page.locator("#differences")).to_contain_text("activities → users: not in AWS X-Ray")
    expect(page.locator("#verdict .word")).not_to_have_text("agree")
    scenario.maps["xray"] = whole
    expect(page.locator("#verdict .word")).to_have_text("agree")
    expect(page.locator(".edge.missing, .edge.diverging")).to_have_count(0)


def test_hovering_lights_up_the_same_edge_in_every_map(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)
    # What is said of the chain moves the maps down a little.
    expect(page.locator("#health .chain")).to_be_visible()
    page.locator(f"{edge(page, 1)} .label").first.hover()
    for number in range(3):
        expect(page.locator(f"#m{number} .lit")).to_have_count(1)
        expect(page.locator(f"#m{number} .edge.lit")).to_have_attribute("aria-label", edge_label(number))
    card = page.locator("#card")
    expect(card.locator("h3")).to_have_text("frontend_api calls activities")
    expect(card.locator("tbody tr").nth(0)).to_have_text("Honeycomb40–––")
    expect(card.locator("tbody tr").nth(1)).to_have_text("AWS X-Ray40012.3 ms31.0 ms")


def test_all_maps_in_one_say_which_one_diverges(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    scenario.maps["xray"] = scenario.maps["xray"].map_edges(
        lambda one: Edge(*one.key, 38, one.errors, one.mean_ms) if one.target.name == "activities" else one
    )
    page = visit(scenario.url)
    expect(page.locator("#m3")).to_be_hidden()
    page.get_by_role("button", name="One map").click()
    expect(page.locator("#m3 .node")).to_have_count(4)
    expect(page.locator("#m0")).to_be_hidden()
    expect(page.locator(edge(page, 3))).to_contain_text("AWS X-Ray −2")
    expect(page.locator("#m3 .edge.diverging")).to_have_count(1)


def test_maps_are_made_larger_and_fit_again(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)

    def width() -> float:
        return page.locator("#m0").bounding_box()["width"]  # type: ignore[index]

    before = width()
    page.get_by_role("button", name="Larger").click()
    page.get_by_role("button", name="Larger").click()
    assert width() > before
    page.get_by_role("button", name="Fit").click()
    assert width() == before


def test_pointing_at_a_node_keeps_its_neighbours_and_fades_the_rest(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url, reduced_motion="reduce")
    page.locator("#m1 .node", has_text="activities").hover()
    for number in range(3):
        near = page.locator(f"#m{number} .near")
        expect(near).to_have_count(5)  # activities, who calls it, whom it calls, and both edges
        expect(page.locator(f"#m{number} .node", has_text="outside")).to_have_css("opacity", "0.22")
    page.locator("h1").hover()
    expect(page.locator("#m1 .node", has_text="outside")).to_have_css("opacity", "1")


def test_the_table_has_differences_first_and_is_sorted_by_any_column(
    scenario: Scenario, visit: Visit
) -> None:
    hold(scenario, examples.differing())
    page = visit(scenario.url)
    page.get_by_role("button", name="Table").click()
    expect(page.locator("#m0")).to_be_hidden()
    # Honeycomb reports calls alone: it has one column, and the others have four.
    heads = page.locator("#table-head th[scope=colgroup]")
    assert heads.evaluate_all("all => all.map(one => one.colSpan)") == [1, 4, 4]
    names = page.locator("#rows th")
    expect(page.locator("#rows tr").first.locator(".diverging").first).to_be_visible()
    expect(page.locator("#rows")).to_contain_text("3 (8 %)")
    page.get_by_role("button", name="Caller and callee").click()
    expect(names.first).to_have_text("activities → users")
    mean = page.locator("#table-head [data-column='2-mean_ms']")
    mean.click()
    expect(names.first).to_have_text("outside → frontend_api")
    expect(page.locator("#table-head th[aria-sort=descending]")).to_have_text(re.compile("mean"))
    mean.click()
    expect(names.first).to_have_text("users → redis:6379")


def test_a_large_map_has_a_small_one_to_find_the_way_in_it(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.crowd(43, 60))
    page = visit(scenario.url)
    for _ in range(4):
        page.get_by_role("button", name="Larger").click()
    small = page.locator("#minimap")
    expect(small.locator(".spot")).to_have_count(43)
    box = small.locator("svg").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.95, box["y"] + box["height"] * 0.95)
    frame = page.locator("#p0 .scroll")
    for number in range(3):
        scrolled = page.locator(f"#p{number} .scroll").evaluate("one => one.scrollLeft + one.scrollTop")
        assert scrolled > 0, number
    assert frame.evaluate("one => one.scrollWidth > one.clientWidth")


def test_a_small_map_has_none(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)
    page.get_by_role("button", name="Larger").click()
    expect(page.locator("#minimap")).to_be_hidden()


def test_a_window_is_given_by_its_two_ends_in_local_time(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url, timezone_id="Asia/Kolkata")
    page.get_by_text("From … to").click()
    page.get_by_label("From", exact=True).fill("2026-03-01T17:30:00")
    page.get_by_label("To", exact=True).fill("2026-03-01T17:45:00")
    page.get_by_role("button", name="Show this").click()
    expect(page.locator("#connection")).to_contain_text("pinned to")
    assert "until=2026-03-01T12%3A15%3A00" in page.url
    expect(page.locator(".when")).to_contain_text("2026-03-01 12:00:00 to 12:15:00 UTC")
    expect(page.get_by_label("From", exact=True)).to_have_value(re.compile("^2026-03-01T17:30"))


def test_a_service_is_found_in_every_map(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)
    page.get_by_label("Find").fill("USERS")
    for number in range(3):
        expect(page.locator(f"#m{number} .node.found")).to_have_count(1)
        expect(page.locator(f"#m{number} .node.found")).to_contain_text("users")


def edge_label(number: int) -> str:
    figures = (
        "0 errors, 12.3 ms on average, p95 31.0 ms" if number else "errors not reported, latency not reported"
    )
    return f"frontend_api calls activities: 40 requests, {figures}"


def test_the_keyboard_is_enough(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('svg.map') !== null"):
            break
    first = page.evaluate("document.activeElement.dataset.key")
    expect(page.locator("#m2 .lit")).to_have_attribute("data-key", first)
    page.keyboard.press("ArrowRight")
    second = page.evaluate("document.activeElement.dataset.key")
    assert second != first
    expect(page.locator("#m2 .lit")).to_have_attribute("data-key", second)
    page.keyboard.press("Escape")
    expect(page.locator(".lit")).to_have_count(0)


def test_the_focus_survives_an_update(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)
    page.locator("#rows a").nth(1).focus()
    busier = {
        name: found.map_edges(lambda one: Edge(one.source, one.target, 99))
        for name, found in scenario.maps.items()
    }
    scenario.maps.update(busier)
    expect(page.locator("#rows tr").nth(1)).to_contain_text("99")
    assert page.evaluate("document.activeElement.closest('#rows') !== null")


def test_the_address_says_what_is_shown(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(f"{scenario.url}/?since=1h&service=activ*")
    expect(page.locator("#m1 .edge")).to_have_count(2)
    expect(page.locator("select[name=since]")).to_have_value("1h")
    expect(page.locator("input[name=service]")).to_have_value("activ*")
    page.locator("input[name=service]").fill("nobody")
    page.get_by_role("button", name="Show", exact=True).click()
    assert "service=nobody" in page.url
    expect(page.locator("#p0")).to_contain_text("No calls that touch nobody in this window")


def test_a_pinned_moment_stays(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)
    page.locator("#pin").click()
    expect(page.locator("#connection")).to_contain_text("pinned to 2")
    assert "until=" in page.url
    expect(page.get_by_role("link", name="Back to live")).to_be_visible()


def test_a_backend_that_cannot_be_read_hides_no_other(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.unreadable())
    page = visit(scenario.url)
    expect(page.locator("#p0")).to_contain_text("Could not be read")
    expect(page.locator("#p0")).to_contain_text("threemaps up")
    expect(page.locator("#m1 .node")).to_have_count(3)
    scenario.maps["honeycomb"] = scenario.maps["xray"]
    expect(page.locator("#m0 .node")).to_have_count(3)


def test_an_empty_window_says_what_to_do(scenario: Scenario, visit: Visit) -> None:
    page = visit(scenario.url)
    expect(page.locator("#verdict .word")).to_have_text("empty")
    expect(page.locator("#p1")).to_contain_text("threemaps traffic")
    hold(scenario, examples.agreeing())
    expect(page.locator("#m1 .node")).to_have_count(4)


def test_a_wrong_address_says_so(scenario: Scenario, browser: object) -> None:
    page = browser.new_page()  # type: ignore[attr-defined]
    page.goto(f"{scenario.url}/?since=ever")
    expect(page.locator("main")).to_contain_text("is no length of time")
    page.close()


def test_a_phone_shows_all_without_scrolling_sideways(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.differing())
    page = visit(scenario.url, viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator("#m2 .node").first).to_be_visible()


def test_it_prints_to_one_page(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.differing())
    page = visit(scenario.url)
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 1


def test_nobody_looks_nobody_reads(scenario: Scenario, visit: Visit) -> None:
    hold(scenario, examples.agreeing())
    page = visit(scenario.url)
    expect(page.locator("#connection")).to_have_text("live")
    one_page = threads("live")
    visit(scenario.url).wait_for_selector("text=live")
    assert threads("live") == one_page == 1
    for context in page.context.browser.contexts:
        context.close()
    wait_until(lambda: threads("live") == 0)


def threads(name: str) -> int:
    import threading

    return sum(thread.name == name for thread in threading.enumerate())


def wait_until(condition) -> None:  # type: ignore[no-untyped-def]
    import time

    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
