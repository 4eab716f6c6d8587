"""The page of the running system: the collector, the services and the stand-ins, all real."""

import logging
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import requests
import watchtower
from playwright.sync_api import Locator, Page, expect

from tests.collector_process import wait_for
from tests.component.web.conftest import Visit
from tests.running import System
from threemaps.readers.aws import aws_client
from threemaps.web.health import LINKS

pytestmark = [pytest.mark.system, pytest.mark.browser]

SETTLED = 60_000
FRONT_TO_USERS = '[aria-label^="frontend_api calls users"]'


def address(system: System, path: str = "/") -> str:
    return system.settings.url("web") + path


def expect_count(page: Page, number: int, value: int) -> None:
    edge = page.locator(f"#m{number} {FRONT_TO_USERS}")
    expect(edge).to_have_attribute("data-figures", re.compile(rf"^drawn\|{value:,}\|"), timeout=SETTLED)


@dataclass
class Sent:
    """How many requests for the home page the system has got."""

    requests: int


@pytest.fixture(scope="module")
def page_system(new_system: Callable[..., System]) -> System:
    """Of its own: what other tests sent would leave the window while these count."""
    return new_system().up()


@pytest.fixture(scope="module")
def sent(page_system: System) -> Sent:
    page_system.ok("traffic", "--requests", "4")
    edges = page_system.compare()["maps"]["xray"]["edges"]
    return Sent(
        next(one["requests"] for one in edges if (one["source"], one["target"]) == ("frontend_api", "users"))
    )


@pytest.fixture
def page(page_system: System, visit: Visit, sent: Sent) -> Page:
    """The page over a system that has had some traffic and agrees on it."""
    page = visit(address(page_system))
    for number in range(3):
        expect_count(page, number, sent.requests)
    return page


def test_one_request_counts_in_every_map(page: Page, sent: Sent) -> None:
    sent.requests += 1
    page.get_by_role("button", name="Send one request").click()
    expect(page.locator("#said")).to_have_text("sent 1, ok 1, failed 0")
    for number in range(3):
        expect_count(page, number, sent.requests)
    expect(page.locator("#verdict .word")).to_have_text("agree", timeout=SETTLED)


def test_a_burst_counts_in_every_map(page: Page, sent: Sent) -> None:
    sent.requests += 40
    page.get_by_role("button", name="Send 40").click()
    expect(page.locator("#said")).to_contain_text("sent 40, ok 40")
    for number in range(3):
        expect_count(page, number, sent.requests)


def test_the_chain_is_told_link_by_link(page: Page) -> None:
    expect(page.locator("#health .chain li.good")).to_have_count(len(LINKS), timeout=SETTLED)


def test_a_service_is_made_to_fail_and_to_behave(page: Page, page_system: System, sent: Sent) -> None:
    page.get_by_role("button", name="Break something").click()
    page.get_by_text("Any service").click()
    users = page.get_by_role("group", name="users")
    users.get_by_role("button", name="failing").click()
    expect(users.get_by_role("button", name="failing")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#said")).to_have_text("users: 50% of its requests fail")
    page_system.run("traffic", "--requests", "30")
    sent.requests += 30
    for number in (1, 2):
        expect(page.locator(f"#m{number} {FRONT_TO_USERS} .failed")).to_be_visible(timeout=SETTLED)
    expect(page.locator("#traffic")).to_contain_text("frontend_api → users", timeout=SETTLED)
    expect(page.locator("#traffic")).to_contain_text("calls fail")
    users.get_by_role("button", name="well").click()
    expect(page.locator("#said")).to_have_text("users: as it should be")


def test_from_an_edge_to_a_failed_trace(page: Page, page_system: System, sent: Sent) -> None:
    page_system.ok("fault", "users", "--errors", "1")
    page_system.run("traffic", "--requests", "2")
    sent.requests += 2
    page_system.ok("fault", "users", "--clear")
    for number in range(3):
        expect_count(page, number, sent.requests)
    expect(page.locator(f"#m1 {FRONT_TO_USERS} .failed")).to_be_visible(timeout=SETTLED)
    page.locator(f"#m1 {FRONT_TO_USERS}").focus()
    page.keyboard.press("Enter")
    panel = page.get_by_label("Details")
    expect(panel.locator("h2")).to_have_text("frontend_api → users")
    expect(panel.locator(".spark .bar.failed").first).to_be_attached()
    failing = panel.locator("h3", has_text="Failing traces").locator("+ ul li")
    expect(failing.first).to_contain_text("✗ failed")
    failing.first.get_by_role("link").click()
    held = page.locator(".held")
    expect(held.nth(0)).to_contain_text("Honeycomb 8 spans")
    expect(held.nth(0).locator(".span")).to_have_count(8)
    expect(held.nth(1)).to_contain_text("AWS X-Ray 8 spans")
    expect(held.nth(1).locator(".span.failed").first).to_be_visible()
    others = page.locator("article.panel")
    expect(others.nth(0)).to_contain_text("GET /api/users 500")
    expect(others.nth(1)).to_contain_text("users: InjectedFault")
    page.get_by_label("Search in this trace").fill("event 1")
    expect(held.nth(0).locator(".span[open] tr.found").first).to_contain_text("exception")
    page.get_by_label("Search in this trace").fill("unhandled")
    expect(held.nth(1).locator(".span[open]")).to_have_count(2)  # users was called twice, and wrote it twice


def test_the_trace_with_more_than_one_span_and_its_result_length(page: Page) -> None:
    """The journals' task: find such a trace, and read the attribute that the service set."""
    page.get_by_role("link", name="Traces", exact=True).click()
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text("frontend_api")
    expect(rows.first.locator("td").nth(2)).to_have_text("8")
    rows.first.get_by_role("link").click()
    page.get_by_label("Search in this trace").fill("app.result_length")
    for number in range(2):
        opened = page.locator(".held").nth(number).locator(".span[open]")
        expect(opened).to_have_count(1)
        expect(opened).to_contain_text("home-activities-mock-data")
        expect(opened.locator("tr.found")).to_have_text(re.compile(r"app[._]result_length *[1-9]"))


def test_the_rule_that_samples_and_the_group(page: Page, page_system: System) -> None:
    page_system.ok("provision")
    page.get_by_role("link", name="X-Ray rules").click()
    rules, groups = page.locator("table").nth(0), page.locator("table").nth(1)
    expect(rules.locator("tbody tr").first).to_contain_text("threemaps")
    expect(rules).not_to_contain_text("matches no service")
    expect(groups).to_contain_text('service("frontend_api")')


def test_a_rule_that_can_never_match_is_named(page: Page, page_system: System) -> None:
    rule = {
        "RuleName": "by-host",
        "ResourceARN": "*",
        "Priority": 10,
        "FixedRate": 1,
        "ReservoirSize": 1,
        "ServiceName": "shop.example",
        "ServiceType": "*",
        "Host": "*",
        "HTTPMethod": "*",
        "URLPath": "*",
        "Version": 1,
    }
    client = aws_client(page_system.settings, "xray")
    client.create_sampling_rule(SamplingRule=rule)
    try:
        page.get_by_role("link", name="X-Ray rules").click()
        row = page.locator("tbody tr", has_text="by-host")
        expect(row).to_contain_text("matches no service of the maps")
    finally:
        client.delete_sampling_rule(RuleName="by-host")


@pytest.fixture
def failed(page_system: System, sent: Sent) -> None:
    """A request on which a service failed, and whose error has come to Rollbar."""
    page_system.ok("fault", "users", "--errors", "1")
    page_system.run("traffic", "--requests", "2")
    sent.requests += 2
    page_system.ok("fault", "users", "--clear")
    wait_for(lambda: "InjectedFault" in requests.get(address(page_system, "/errors"), timeout=30).text)
    lines = "/logs?pattern=InjectedFault"
    wait_for(lambda: "unhandled" in requests.get(address(page_system, lines), timeout=30).text)


def test_log_lines_are_filtered(failed: None, page: Page) -> None:
    page.get_by_role("link", name="Logs").click()
    expect(page.locator(".logs li").first).to_be_visible()
    page.get_by_label("Filter pattern").fill("InjectedFault")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".logs li").first).to_contain_text("InjectedFault")
    expect(page.locator(".logs li", has_not_text="InjectedFault")).to_have_count(0)


def test_the_rollbar_item_of_an_error(failed: None, page: Page) -> None:
    """The journals' task: from the failing trace, whose root answered well, over its span to the item."""
    page.get_by_role("link", name="Traces", exact=True).click()
    page.get_by_label("Order").select_option("failing")
    page.get_by_role("button", name="Show").click()
    first = page.locator("tbody tr").first
    expect(first).to_contain_text("users")
    first.get_by_role("link").click()
    page.get_by_label("Search in this trace").fill("InjectedFault")
    item = page.locator(".held .span[open]").get_by_role("link", name="InjectedFault")
    expect(item.first).to_be_visible()
    item.first.click()
    expect(page.locator("tr:target")).to_contain_text("InjectedFault")


def test_what_it_would_cost(page: Page) -> None:
    page.get_by_role("link", name="Spend").click()
    expect(page.locator("tbody tr", has_text="together")).to_have_text(
        re.compile(r"together\s*[0-9.]+\s*[0-9.]+")
    )


def test_count_by_trace_and_open_the_first(page: Page) -> None:
    page.get_by_role("link", name="Ask Honeycomb").click()
    page.get_by_role("link", name="COUNT by trace").click()
    page.locator("tbody tr").first.get_by_role("link").click()
    expect(page.locator("h2").first).to_contain_text("Trace")
    expect(page.locator(".held .span").first).to_be_visible()


def test_heatmap_and_open_the_slowest(page: Page) -> None:
    """A cell leads to the traces that took at least as long as its spans, the slowest first."""
    page.get_by_role("link", name="Ask Honeycomb").click()
    page.get_by_role("link", name="HEATMAP of durations").click()
    page.locator("svg.chart a:has(.cell)").last.click()
    expect(page).to_have_url(re.compile(r"/traces\?.*least="))
    expect(page.get_by_label("At least (ms)")).not_to_have_value("")
    page.locator("tbody tr").first.get_by_role("link").click()
    expect(page.locator(".held .span").first).to_be_visible()


def test_traces_are_filtered(page: Page) -> None:
    page.get_by_role("link", name="Traces", exact=True).click()
    page.get_by_label("Spans, at least").fill("9")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(0)
    page.get_by_label("Spans, at least").fill("8")
    page.get_by_label("At least (ms)").fill("0.5")
    page.get_by_label("Service").fill("users")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("tbody tr").first.locator("td").nth(2)).to_have_text("8")
    expect(page.locator("section code").last).to_contain_text('service("users") AND responsetime >= 0.0005')


def test_moments_are_local_with_utc_on_hover(page_system: System, visit: Visit, sent: Sent) -> None:
    page = visit(address(page_system, "/traces"), timezone_id="Asia/Kolkata")
    moment = page.locator("tbody time").first
    expect(moment).to_have_text(re.compile(r"^\d\d:\d\d:\d\d · \d+ (s|min) ago$"))
    utc = (moment.get_attribute("title") or "")[11:16]
    local = (moment.text_content() or "")[:5]
    assert (int(local[:2]) * 60 + int(local[3:]) - int(utc[:2]) * 60 - int(utc[3:])) % 1440 == 330


def drag(page: Page, spark: Locator) -> None:
    """Over the right half of a sparkline."""
    box = spark.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 20, steps=3)
    page.mouse.up()
    expect(page.locator("#connection")).to_contain_text("pinned to")
    assert "from=" in page.url


def test_a_window_is_dragged_out_on_the_requests_of_the_page(page: Page) -> None:
    expect(page.locator("#requests figcaption")).to_contain_text("requests to frontend_api")
    drag(page, page.locator("#requests .spark"))


def test_latency_over_time_from_each_backend_and_a_window_of_ones_own(page: Page) -> None:
    page.locator(f"#m1 {FRONT_TO_USERS}").focus()
    page.keyboard.press("Enter")
    panel = page.get_by_label("Details")
    expect(panel.locator(".courses .spark")).to_have_count(3)
    drag(page, panel.locator(".spark[data-start]"))


def test_the_warning_that_watchtower_sent(page: Page, page_system: System) -> None:
    """By watchtower itself, into a group of somebody's own."""
    handler = watchtower.CloudWatchLogHandler(
        log_group_name="/journal/backend",
        boto3_client=aws_client(page_system.settings, "logs"),
        send_interval=1,
    )
    journal = logging.getLogger("journal")
    journal.propagate = False
    journal.addHandler(handler)
    journal.warning("the cupboard is bare")
    handler.close()
    journal.removeHandler(handler)
    page.get_by_role("link", name="Logs").click()
    page.get_by_label("Log group").select_option("/journal/backend")
    page.get_by_label("Filter pattern").fill("cupboard")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".logs li")).to_have_count(1)
    expect(page.locator(".logs li")).to_contain_text("the cupboard is bare")


def test_a_question_of_ones_own(page: Page) -> None:
    page.get_by_role("link", name="Ask Honeycomb").click()
    page.get_by_label("VISUALIZE").fill("P90(duration_ms)")
    page.get_by_label("WHERE").fill("service.name = users")
    page.get_by_label("GROUP BY").fill("name")
    page.get_by_role("button", name="Run query").click()
    expect(page.locator("tbody tr").first).to_contain_text("GET /api/users")
    page.get_by_text("The same question elsewhere").click()
    expect(page.locator("details code").first).to_have_text(
        "threemaps query --visualize 'P90(duration_ms)' --where 'service.name = users' --group-by name"
    )


def test_a_question_that_makes_no_sense_says_what_is_wrong(page_system: System) -> None:
    answer = requests.get(address(page_system, "/ask?visualize=P90"), timeout=30)
    assert answer.status_code == 400
    assert "is no calculation" in answer.text


def test_a_broken_backend_is_told_and_heals(page: Page, page_system: System, sent: Sent) -> None:
    sent.requests += 1
    os.kill(page_system.status()["backends"]["honeycomb"]["pid"], signal.SIGTERM)
    try:
        expect(page.locator("#p0")).to_contain_text("Could not be read", timeout=SETTLED)
        page.get_by_role("button", name="Send one request").click()
        expect_count(page, 2, sent.requests)
    finally:
        page_system.up()
    # What was sent meanwhile waited in the pipeline's queue.
    expect_count(page, 0, sent.requests)
    expect(page.locator("#verdict .word")).to_have_text("agree", timeout=SETTLED)
