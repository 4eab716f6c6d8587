"""Rollbar over a real socket, and a way to send to it and to read back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.conftest import Serve
from threemaps.standins.rollbar import responses as rollbar
from threemaps.standins.store import Store

TOKEN = {"X-Rollbar-Access-Token": "local-token"}
Read = Callable[..., Any]


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(":memory:", rollbar.SCHEMA)
    yield store
    store.close()


@pytest.fixture
def url(serve: Serve, store: Store) -> str:
    return serve(rollbar.create_app(store))


@pytest.fixture
def post(url: str) -> Callable[..., requests.Response]:
    """Posts data, as a body of its own if it is bytes."""

    def post(data: Any, headers: dict[str, str] = TOKEN) -> requests.Response:
        body = {"data": data} if isinstance(data, bytes) else {"json": {"data": data}}
        return requests.post(f"{url}/api/1/item/", headers=headers, timeout=10, **body)

    return post


@pytest.fixture
def read(url: str) -> Read:
    def read(path: str, **arguments: Any) -> Any:
        answer = requests.get(f"{url}/api/1/{path}", params=arguments, headers=TOKEN, timeout=10)
        answer.raise_for_status()
        return answer.json()["result"]

    return read


def message(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"environment": "test", "body": {"message": {"body": text}}, **more}


def error(
    name: str = "ValueError", *, path: str = "app.py", told: str = "bad", **more: Any
) -> dict[str, Any]:
    trace = {
        "exception": {"class": name, "message": told},
        "frames": [{"filename": path, "method": "view", "lineno": 7}],
    }
    return {"environment": "test", "body": {"trace": trace}, **more}
