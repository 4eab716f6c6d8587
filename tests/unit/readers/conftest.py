"""Servers that answer as a vendor does, or as badly as one can, and readers that ask them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request

from tests.conftest import Serve
from threemaps.model.difference import Window
from threemaps.readers import open_backend
from threemaps.settings import Settings
from threemaps.standins import aws
from threemaps.standins.store import Store

NOW = datetime.now(UTC).replace(microsecond=0)
WINDOW = Window(NOW - timedelta(minutes=15), NOW + timedelta(seconds=30))

Answer = Callable[[str], Response]


def settings_at(url: str, **environ: str) -> Settings:
    """The demo's settings with all stand-ins at one address, and no `.env`."""
    addresses = {"THREEMAPS_URL_HONEYCOMB": url, "THREEMAPS_URL_AWS": url}
    return Settings.load({**addresses, "THREEMAPS_ENV_FILE": "/dev/null", **environ})


def real_at(url: str, **environ: str) -> Settings:
    """The settings of a real account, moved to an address of ours."""
    keys = {
        "THREEMAPS_BACKENDS": "cloud",
        "HONEYCOMB_API_ENDPOINT": url,
        "AWS_ENDPOINT_URL": url,
        "HONEYCOMB_CONFIGURATION_KEY": "key-of-the-user",
        "AWS_ACCESS_KEY_ID": "id-of-the-user",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-user",
        "AWS_REGION": "eu-central-1",
    }
    return settings_at(url, **keys, **environ)


class Vendor:
    """Answers each request by the next of its answers, the last again and again, and keeps the requests."""

    def __init__(self, *answers: Response | Callable[[], Response]) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.app = Flask(__name__)
        self.app.add_url_rule("/", "root", self._answer, methods=["GET", "POST"], defaults={"path": ""})
        self.app.add_url_rule("/<path:path>", "any", self._answer, methods=["GET", "POST"])

    def _answer(self, path: str) -> Response:
        self.requests.append((request.full_path.rstrip("?"), dict(request.headers), request.get_data()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer() if callable(answer) else answer


def json(body: Any, status: int = 200, **headers: str) -> Callable[[], Response]:
    def answer() -> Response:
        import orjson

        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(orjson.dumps(body), status, {"Content-Type": "application/json", **named})

    return answer


def text(body: str, status: int = 200) -> Callable[[], Response]:
    return lambda: Response(body, status)


@pytest.fixture
def read(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`read("honeycomb", vendor)` reads a map from the vendor, without waiting between attempts."""
    monkeypatch.setattr("threemaps.readers.http.LONGEST_WAIT", 0.0)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)

    def read(source: str, vendor: Vendor, *, real: bool = False, service: str | None = None) -> Any:
        url = serve(vendor.app)
        settings = real_at(url) if real else settings_at(url)
        return open_backend(source, settings).read_map(WINDOW, service)

    return read


def moved(settings: Settings, **environ: str) -> Settings:
    return replace(settings, environ={**settings.environ, **environ})


LocalAws = Callable[..., Settings]


@pytest.fixture
def local_aws(tmp_path: Path, serve: Serve) -> Iterator[LocalAws]:
    stores = []

    def start(**environ: str) -> Settings:
        store = Store(tmp_path / "aws.duckdb", aws.SCHEMA)
        stores.append(store)
        return settings_at(serve(aws.Aws(store, environ)))

    yield start
    for store in stores:
        store.close()
