"""A browser, and a page whose backends hold what the test says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.component.web import chromium
from tests.conftest import Serve
from tests.running import System
from threemaps.compare import reading
from threemaps.model.difference import Window
from threemaps.model.servicemap import ServiceMap
from threemaps.readers import UnreadableError
from threemaps.readers.base import Manners
from threemaps.settings import Settings
from threemaps.web.app import create_app

Visit = Callable[..., Page]

# Maps that have changed are shown when they have settled.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium.executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.flags())
        yield browser
        browser.close()


@dataclass
class Watched:
    """What a page did that no page may do."""

    console: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens an address in a window of its own. In the end no page may have complained or called elsewhere."""
    watched, contexts = Watched(), []

    def open_page(url: str, **options: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 1000}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        own = urlsplit(url).netloc
        page.on("console", lambda message: watched.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: watched.console.append(str(error)))
        page.on("dialog", lambda dialog: (watched.console.append("a dialog"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                watched.foreign.append(request.url) if urlsplit(request.url).netloc != own else None
            ),
        )
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert watched == Watched()


@dataclass
class Held:
    """A backend in memory; no map means that it cannot be read."""

    name: str
    maps: dict[str, ServiceMap | None]
    reads: list[Window]
    manners: Manners = field(default_factory=Manners)
    read_through: str = "memory"
    remarks: tuple[str, ...] = ()

    @property
    def drawn_by(self) -> str:
        return self.name

    def covers(self, window: Window) -> Window:
        return window

    def read_map(self, window: Window, service: str | None = None) -> ServiceMap:
        self.reads.append(window)
        found = self.maps[self.name]
        if found is None:
            raise UnreadableError(f"{self.name} could not be reached", hint="threemaps up")
        return found.only(service)


@dataclass
class Scenario:
    url: str
    maps: dict[str, ServiceMap | None]
    reads: list[Window]
    settings: Settings


@pytest.fixture
def scenario(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Scenario]:
    """The page over backends in memory: `scenario.maps` is what they hold from now on."""
    maps: dict[str, ServiceMap | None] = {name: ServiceMap() for name in ("honeycomb", "xray", "cloudwatch")}
    reads: list[Window] = []
    monkeypatch.setattr(reading, "open_backend", lambda name, settings: Held(name, maps, reads))
    settings = System.at(tmp_path / "state").settings
    app = create_app(settings)
    yield Scenario(serve(app), maps, reads, settings)
    app.extensions["live"].stop()
