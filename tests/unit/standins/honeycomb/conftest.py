"""A served stand-in, and a client that knows both keys."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from tests.conftest import Serve
from threemaps.settings import LOCAL_CONFIGURATION_KEY, LOCAL_INGEST_KEY
from threemaps.standins.honeycomb.limits import Limits
from threemaps.standins.honeycomb.urls import SCHEMA, create_app
from threemaps.standins.store import Store

PLENTY = Limits(1_000_000, 1_000_000, 1_000_000)
INGEST = {"X-Honeycomb-Team": LOCAL_INGEST_KEY}
CONFIGURATION = {"X-Honeycomb-Team": LOCAL_CONFIGURATION_KEY}
PROTOBUF = {"Content-Type": "application/x-protobuf"}


@dataclass
class Client:
    """What a client of Honeycomb does, over its HTTP API."""

    url: str

    def send(self, path: str, data: bytes, **headers: str) -> requests.Response:
        return requests.post(f"{self.url}{path}", data=data, headers={**INGEST, **headers}, timeout=10)

    def send_json(self, path: str, document: Any, **headers: str) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=document, headers={**INGEST, **headers}, timeout=10)

    def send_spans(self, message: Any) -> None:
        answer = self.send("/v1/traces", message.SerializeToString(), **PROTOBUF)
        assert answer.status_code == 200, answer.text

    def post(self, path: str, document: Any) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=document, headers=CONFIGURATION, timeout=10)

    def get(self, path: str, **parameters: str | int) -> requests.Response:
        return requests.get(f"{self.url}{path}", params=parameters, headers=CONFIGURATION, timeout=10)

    def calls(self, **body: Any) -> dict[tuple[str, str], int]:
        """The dependencies of all pages: (parent, child) → calls."""
        created = self.post("/1/maps/dependencies/requests?limit=64000", body)
        assert created.status_code == 201, created.text
        link = f"/1/maps/dependencies/requests/{created.json()['request_id']}?page[size]=100"
        found = {}
        while link:
            page = self.ready(link)
            for edge in page["dependencies"]:
                found[edge["parent_node"]["name"], edge["child_node"]["name"]] = edge["call_count"]
            link = page["links"]["next"]
        return found

    def ready(self, link: str) -> Any:
        """A page of a map, once it is no longer pending."""
        while (page := self.get(link).json())["status"] == "pending":
            assert page["dependencies"] is None
            time.sleep(0.02)
        assert page["status"] == "ready"
        return page

    def query(self, dataset: str = "__all__", *, run: dict[str, Any] | None = None, **body: Any) -> Any:
        """A query's data, over a window that holds the current minute too."""
        if not {"start_time", "end_time", "time_range"} & body.keys():
            body |= {"time_range": 3600, "end_time": int(time.time()) + 60}
        created = self.post(f"/1/queries/{dataset}", body)
        assert created.status_code == 200, created.text
        options = {"query_id": created.json()["id"], "disable_series": True} | (run or {})
        started = self.post(f"/1/query_results/{dataset}", options)
        assert started.status_code == 201, started.text
        assert started.json()["complete"] is False
        result = requests.get(started.headers["Location"], headers=CONFIGURATION, timeout=10).json()
        assert result["complete"] is True
        return result["data"]

    def results(self, dataset: str = "__all__", **body: Any) -> list[dict[str, Any]]:
        return [row["data"] for row in self.query(dataset, **body)["results"]]


def ready(client: FlaskClient, link: str) -> Any:
    """A page of a map from an app without a socket, once it is no longer pending."""
    while (page := client.get(link, headers=CONFIGURATION).get_json())["status"] == "pending":
        time.sleep(0.02)
    return page


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(":memory:", SCHEMA)
    yield store
    store.close()


@pytest.fixture
def honeycomb(store: Store, serve: Serve) -> Client:
    return Client(serve(create_app(store, limits=PLENTY)))
