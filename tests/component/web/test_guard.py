"""Who may ask what of the page's server."""

import pytest
import requests

from tests.component.web.conftest import Scenario
from threemaps.errors import UserError
from threemaps.web.guard import allowed_hosts

OURS = {"X-Threemaps": "page", "Content-Type": "application/json"}


def post(scenario: Scenario, **headers: str) -> requests.Response:
    return requests.post(f"{scenario.url}/try", json={"action": "nothing"}, headers=headers, timeout=10)


def test_a_strange_name_for_this_address_is_refused(scenario: Scenario) -> None:
    answer = requests.get(scenario.url, headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 403
    assert requests.get(f"{scenario.url}/healthz", headers={"Host": "web:8080"}, timeout=10).ok


def test_a_strange_origin_is_refused(scenario: Scenario) -> None:
    assert (
        requests.get(scenario.url, headers={"Origin": "http://evil.example"}, timeout=10).status_code == 403
    )
    assert post(scenario, **OURS, Origin="http://127.0.0.1:1").status_code == 403


def test_names_that_a_forwarder_publishes_are_allowed(scenario: Scenario) -> None:
    from dataclasses import replace

    from threemaps.web.app import create_app

    variables = {**scenario.settings.environ, "THREEMAPS_ALLOWED_HOSTS": "maps.example.org,*.app.github.dev"}
    client = create_app(replace(scenario.settings, environ=variables)).test_client()
    published = "https://some-name-8080.app.github.dev"
    for host in ("maps.example.org", "some-name-8080.app.github.dev", "localhost:8080"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200
        answer = client.post("/try", json={}, headers={**OURS, "Host": host, "Origin": published})
        assert answer.status_code == 400, host
    for host in ("evil.example", "app.github.dev.evil.example", "maps.example.org.evil.example"):
        assert client.get("/", headers={"Host": host}).status_code == 403, host
        refused = client.post(
            "/try", json={}, headers={**OURS, "Host": "localhost", "Origin": f"https://{host}"}
        )
        assert refused.status_code == 403, host


@pytest.mark.parametrize("text", ["*", "*.dev", "a b.example", "https://maps.example.org"])
def test_a_list_that_allows_everybody_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="THREEMAPS_ALLOWED_HOSTS"):
        allowed_hosts(text)


def test_only_the_page_presses_buttons(scenario: Scenario) -> None:
    assert post(scenario).status_code == 403
    assert post(scenario, **OURS, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    answer = post(scenario, **OURS, Origin=scenario.url)
    assert (answer.status_code, answer.json()["message"]) == (400, "'nothing' is no button. ")


def test_what_is_no_button_is_said(scenario: Scenario) -> None:
    for action in (["request"], {"a": 1}, None, 7):
        headers = {**OURS, "Origin": scenario.url}
        answer = requests.post(f"{scenario.url}/try", json={"action": action}, headers=headers, timeout=10)
        assert answer.status_code == 400
        assert "is no button" in answer.json()["message"]


@pytest.mark.parametrize("body", ["[" * 2000, "null", "[]", '"x"', "\xff", '{"action": "\\ud800"}', ""])
def test_a_press_of_anything_is_answered(scenario: Scenario, body: str) -> None:
    answer = requests.post(f"{scenario.url}/try", data=body.encode("latin-1"), headers=OURS, timeout=10)
    assert answer.status_code == 400


def test_a_version_of_anything_is_none_that_was_shown(scenario: Scenario) -> None:
    with requests.get(f"{scenario.url}/events?version={'9' * 5000}", stream=True, timeout=10) as answer:
        assert answer.status_code == 200
        assert next(answer.iter_lines()).startswith(b"retry")


def test_every_answer_forbids_what_is_not_ours(scenario: Scenario) -> None:
    for path in ("/", "/map.css", "/static/page.js", "/nowhere", "/?since=x"):
        headers = requests.get(scenario.url + path, timeout=10).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_switch_takes_the_buttons_away(scenario: Scenario) -> None:
    from dataclasses import replace

    from threemaps.web.app import create_app

    off = replace(scenario.settings, environ={**scenario.settings.environ, "THREEMAPS_TRY_IT": "off"})
    client = create_app(off).test_client()
    assert "Send one request" not in client.get("/", headers={"Host": "localhost"}).text
    pressed = client.post("/try", json={"action": "request"}, headers={**OURS, "Host": "localhost"})
    assert pressed.status_code == 400
    paid = replace(scenario.settings, aws_is_real=True)
    assert (
        "Send one request" not in create_app(paid).test_client().get("/", headers={"Host": "localhost"}).text
    )
