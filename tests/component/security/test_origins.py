"""Pages of websites: what a visitor's browser would send in their name reaches no stand-in."""

from pathlib import Path

import pytest
import requests

from tests.component.collector.conftest import chain_in
from tests.component.standins.process import StandinProcess
from threemaps.standins.hosts import is_near

NEAR = (
    "127.0.0.1:8081",
    "localhost",
    "[::1]:8081",
    "honeycomb:8081",
    "host.docker.internal:8081",
    "10.1.2.3",
)
FAR = (
    "evil.example",
    "127.0.0.1.nip.io",
    "localhost.evil.example:8081",
    "",
    "[",
    "a.b.",
    "127.1.evil.com",
    "::1",
)
KEY = {"X-Honeycomb-Team": "local-configuration-key"}


@pytest.mark.parametrize("host", NEAR)
def test_names_that_only_this_network_has(host: str) -> None:
    assert is_near(f"//{host}")


@pytest.mark.parametrize("host", FAR)
def test_names_that_anybody_may_lead_here(host: str) -> None:
    assert not is_near(f"//{host}")


@pytest.mark.parametrize("name", ["honeycomb", "aws", "rollbar"])
def test_websites_reach_no_stand_in(tmp_path: Path, name: str) -> None:
    standin = StandinProcess(name, tmp_path)
    with standin.running():
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            for path in ("/", "/1/auth", "/api/1/item/", "/v1/traces", "/reset"):
                url = standin.url + path
                for answer in (
                    requests.get(url, headers={**KEY, **headers}, timeout=10),
                    requests.post(url, data="{}", headers={**KEY, **headers}, timeout=10),
                ):
                    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
                    assert "Access-Control-Allow-Origin" not in answer.headers
        for headers in ({"Origin": "http://localhost:3000"}, {"Host": "aws:8082"}):
            assert requests.get(f"{standin.url}/healthz", headers=headers, timeout=10).ok


def test_a_form_reaches_no_otlp_receiver(tmp_path: Path) -> None:
    with chain_in(tmp_path / "state") as chain:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            url = f"{chain.collector.otlp_http}/v1/traces"
            headers = {"Content-Type": kind, "Origin": "https://evil.example"}
            answer = requests.post(url, data="{}", headers=headers, timeout=10)
            assert answer.status_code == 415
            assert "Access-Control-Allow-Origin" not in answer.headers
