"""The journals' task "which rule sampled this trace", on services that go by X-Ray's rules."""

from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import expect

from tests.collector_process import wait_for
from tests.component.web.conftest import Visit
from tests.running import System

pytestmark = [pytest.mark.system, pytest.mark.browser, pytest.mark.long]


def test_which_rule_sampled_this_trace(new_system: Callable[..., System], visit: Visit) -> None:
    system = new_system(THREEMAPS_SAMPLING="xray").up()
    system.ok("provision")
    web, found = system.settings.url("web"), ""

    def sampled_by_the_rule() -> bool:
        """A service takes up a new rule within seconds; until then it goes by its own."""
        nonlocal found
        answer = requests.get(system.settings.url("frontend_api") + "/api/users/andrew", timeout=30)
        found = answer.headers["X-Trace-Id"]
        return "#rule-threemaps" in requests.get(f"{web}/trace/{found}", timeout=30).text

    wait_for(sampled_by_the_rule)
    page = visit(f"{web}/trace/{found}")
    page.locator("#sampled").get_by_role("link", name="threemaps").click()
    expect(page.locator("tr:target")).to_contain_text("threemaps")
    expect(page.locator("tr:target")).to_contain_text("a second")
