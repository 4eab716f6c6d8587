"""A person logs in to Honeycomb in the browser: the command, the OAuth behind it, the map read with it."""

import json
import os
import re
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import expect, sync_playwright

from tests.component.web import chromium
from tests.conftest import Serve
from tests.running import CLI
from tests.unit.standins.honeycomb.conftest import Client
from tests.unit.standins.honeycomb.spans import Call, request_of
from threemaps.model.difference import Window
from threemaps.readers import UnreadableError, open_backend
from threemaps.settings import Settings
from threemaps.standins.honeycomb import oauth
from threemaps.standins.honeycomb.plan import Plan
from threemaps.standins.honeycomb.urls import SCHEMA, create_app
from threemaps.standins.store import Store

EDGES = {("web", "api"), ("api", "users")}


@dataclass
class Person:
    """Whose account is the local Honeycomb on the free plan, and who has no key at all."""

    url: str
    state: Path

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "CI" and "HONEYCOMB" not in name}
        return kept | {
            "THREEMAPS_STATE": str(self.state),
            "THREEMAPS_BACKENDS": "honeycomb",
            "HONEYCOMB_API_ENDPOINT": self.url,
            "HONEYCOMB_MCP_ENDPOINT": f"{self.url}/mcp",
            "BROWSER": "true",  # a browser that shows nothing: the test is the person
        }

    @property
    def kept(self) -> Path:
        return self.state / "honeycomb-login.json"

    def log_in(self, answer: Any, **more: str) -> tuple[int, str, str]:
        """`answer` is what the person does with the address."""
        command = [str(CLI), "login", "honeycomb"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env=self.environ | more, **pipes) as running:
            assert running.stderr is not None
            shown = ""
            for line in running.stderr:
                shown += line
                if found := re.search(r"https?://\S+", line):
                    answer(found[0])
                    break
            out, err = running.communicate(timeout=60)
        return running.returncode, out, shown + err

    def edges(self) -> set[tuple[str, str]]:
        """Of the map, read with what is kept."""
        now = datetime.now(UTC)
        found = open_backend("honeycomb", Settings.load(self.environ)).read_map(
            Window(now - timedelta(minutes=10), now + timedelta(seconds=30))
        )
        return {(one.source.name, one.target.name) for one in found.edges}


@pytest.fixture
def person(serve: Serve, tmp_path: Path) -> Iterator[Person]:
    store = Store(":memory:", SCHEMA)
    url = serve(create_app(store, plan=Plan.FREE))
    Client(url).send_spans(request_of([Call("web", 1), Call("api", 2, 1), Call("users", 3, 2)]))
    yield Person(url, tmp_path / "state")
    store.close()


def allow(address: str) -> None:
    """What a browser does with the page's one button."""
    page = requests.get(address, timeout=10)
    page.raise_for_status()
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.text))
    assert page.text.count("<button") == 1
    assert fields["scope"] == "mcp:read"
    back = requests.post(address.partition("?")[0], data=fields, timeout=10)
    assert "Done" in back.text


def test_logged_in_the_map_is_read_without_a_key(person: Person) -> None:
    with pytest.raises(UnreadableError) as before:
        person.edges()
    assert "threemaps login honeycomb" in before.value.hint
    code, out, err = person.log_in(allow)
    assert code == 0, err
    assert stat.S_IMODE(person.kept.stat().st_mode) == 0o600
    assert person.edges() == EDGES
    secrets = json.loads(person.kept.read_text())["tokens"]
    assert not any(secrets[name] in out + err for name in ("access_token", "refresh_token"))


def test_what_expired_is_renewed_and_what_ended_is_said(person: Person, caplog: Any) -> None:
    assert person.log_in(allow)[0] == 0
    first = json.loads(person.kept.read_text())
    person.kept.write_text(json.dumps(first | {"expires_at": time.time() - 1}))
    assert person.edges() == EDGES
    second = json.loads(person.kept.read_text())
    assert second["expires_at"] > time.time()
    assert second["tokens"]["refresh_token"]
    ended = second["tokens"] | {"refresh_token": "made-up", "access_token": "made-up"}
    for expires in (second["expires_at"], time.time() - 1):
        person.kept.write_text(json.dumps(second | {"tokens": ended, "expires_at": expires}))
        with pytest.raises(UnreadableError) as refused:
            person.edges()
        assert "the login at Honeycomb has ended" in refused.value.message
        assert "threemaps login honeycomb" in refused.value.hint
    assert "Traceback" not in caplog.text


def test_who_does_not_allow_it_is_not_logged_in(person: Person) -> None:
    def refuse(address: str) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        told = {"error": "access_denied", "state": asked["state"]}
        requests.get(asked["redirect_uri"], params=told, timeout=10)

    code, _, err = person.log_in(refuse)
    assert (code, person.kept.exists()) == (2, False)
    assert "access_denied" in err
    assert "Traceback" not in err


def test_never_in_ci(person: Person) -> None:
    code, _, err = person.log_in(lambda address: None, CI="true")
    assert code == 2
    assert "HONEYCOMB_MANAGEMENT_KEY" in err


def test_the_local_honeycomb_refuses_as_oauth_does(person: Person) -> None:
    root = person.url
    refused = requests.post(f"{root}/mcp", json={}, timeout=10)
    where = re.search(r'resource_metadata="([^"]+)"', refused.headers["WWW-Authenticate"])
    assert where
    [server] = requests.get(where[1], timeout=10).json()["authorization_servers"]
    about = requests.get(f"{server}/.well-known/oauth-authorization-server", timeout=10).json()
    away = {"redirect_uris": ["http://example.org/callback"]}
    assert requests.post(about["registration_endpoint"], json=away, timeout=10).status_code == 400
    here = "http://127.0.0.1:9/callback"
    client = requests.post(about["registration_endpoint"], json={"redirect_uris": [here]}, timeout=10).json()
    asked = {
        "response_type": "code",
        "client_id": client["client_id"],
        "redirect_uri": here,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",  # RFC 7636, appendix B
        "code_challenge_method": "S256",
        "state": "s",
    }
    for name, wrong in (
        ("redirect_uri", "http://127.0.0.1:10/callback"),
        ("client_id", "made-up"),
        ("code_challenge_method", "plain"),
        ("scope", "mcp:write"),
    ):
        answer = requests.get(about["authorization_endpoint"], params=asked | {name: wrong}, timeout=10)
        assert answer.status_code == 400, name
    back = requests.post(about["authorization_endpoint"], data=asked, allow_redirects=False, timeout=10)
    told = parse_qs(urlsplit(back.headers["Location"]).query)
    assert told["state"] == ["s"]
    exchange = {
        "grant_type": "authorization_code",
        "code": told["code"][0],
        "client_id": client["client_id"],
        "redirect_uri": here,
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }

    def status(**changed: str) -> int:
        return requests.post(about["token_endpoint"], data=exchange | changed, timeout=10).status_code

    assert status(code_verifier="another") == 400
    assert status() == 200
    assert status() == 400  # a code is good once
    assert not oauth.access_of(f"Bearer {told['code'][0]}")


@pytest.mark.long
def test_the_button_pressed_in_a_real_browser(person: Person) -> None:
    def press(address: str) -> None:
        path = chromium.executable()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=chromium.flags())
            page = browser.new_page()
            page.goto(address)
            page.get_by_role("button", name="Allow").click()
            expect(page.get_by_text("Done")).to_be_visible(timeout=20_000)
            browser.close()

    code, _, err = person.log_in(press)
    assert code == 0, err
    assert person.edges() == EDGES
