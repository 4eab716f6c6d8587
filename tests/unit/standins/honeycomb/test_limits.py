"""How often Honeycomb may be asked, and what it says to one who asks more often."""

import time
from email.utils import parsedate_to_datetime

import pytest
import requests

from tests.conftest import Serve
from tests.unit.standins.honeycomb.conftest import CONFIGURATION, INGEST, Client
from threemaps.settings import USER_AGENT
from threemaps.standins.honeycomb.limits import Limits
from threemaps.standins.honeycomb.urls import create_app
from threemaps.standins.store import Store

RELATIONAL = {"breakdowns": ["parent.service.name", "service.name"]}


@pytest.fixture
def limited(store: Store, serve: Serve) -> Client:
    """With Honeycomb's own limits."""
    return Client(serve(create_app(store)))


def results(client: Client, body: object, times: int) -> list[requests.Response]:
    query = client.post("/1/queries/__all__", body).json()
    return [client.post("/1/query_results/__all__", {"query_id": query["id"]}) for _ in range(times)]


@pytest.mark.parametrize(
    ("body", "allowed", "detail"),
    [
        ({}, 10, "This endpoint allows 10 requests per minute."),
        (RELATIONAL, 1, "This endpoint allows 1 request per minute."),
    ],
)
def test_query_results_a_minute(limited: Client, body: object, allowed: int, detail: str) -> None:
    answers = results(limited, body, allowed + 1)
    assert [answer.status_code for answer in answers] == [201] * allowed + [429]
    refusal = answers[-1]
    assert refusal.headers["Content-Type"] == "application/problem+json"
    assert refusal.json() == {
        "status": 429,
        "type": "https://api.honeycomb.io/problems/rate-limited",
        "title": "You have exceeded your rate limit.",
        "error": "You have exceeded your rate limit.",
        "detail": detail,
    }
    assert refusal.headers["RateLimit-Policy"] == f"{allowed};w=60"
    assert refusal.headers["RateLimit"].startswith(f"limit={allowed}, remaining=0, reset=")
    assert parsedate_to_datetime(refusal.headers["Retry-After"]).timestamp() > time.time()


def test_a_hundred_requests_a_minute_and_a_key(limited: Client) -> None:
    first = limited.get("/1/auth")
    assert first.headers["RateLimit"] == "limit=100, remaining=99, reset=60"
    assert {limited.get("/1/datasets").status_code for _ in range(99)} == {200}
    assert limited.get("/1/auth").status_code == 429
    other = requests.get(f"{limited.url}/1/auth", headers=INGEST, timeout=10)
    assert other.headers["RateLimit"].startswith("limit=100, remaining=99")


def test_sending_is_not_limited(store: Store, serve: Serve) -> None:
    client = Client(serve(create_app(store, limits=Limits(1, 1, 1))))
    answers = [client.send_json("/1/events/some", {"a": 1}) for _ in range(3)]
    assert {(one.status_code, one.headers["RateLimit"]) for one in answers} == {
        (200, "limit=1, remaining=1, reset=60")
    }


def test_what_threemaps_asks_is_not_counted(store: Store, serve: Serve) -> None:
    url = serve(create_app(store, limits=Limits(1, 1, 1)))
    ours = CONFIGURATION | {"User-Agent": USER_AGENT}
    assert {requests.get(f"{url}/1/auth", headers=ours, timeout=10).status_code for _ in range(3)} == {200}
    assert Client(url).get("/1/auth").headers["RateLimit"].startswith("limit=1, remaining=0")


def test_what_is_not_there_is_told_in_json(limited: Client) -> None:
    answer = limited.get("/1/boards")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "has no /1/boards" in answer.json()["error"]
    assert "RateLimit" in answer.headers
