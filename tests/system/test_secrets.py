"""Known keys are planted wherever a user may keep them; afterwards everything is searched for them."""

import contextlib
import dataclasses
import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
from flask import Flask, Response, request

from tests.collector_process import wait_for
from tests.conftest import serving
from tests.running import System
from threemaps.demo.processes import records

pytestmark = pytest.mark.system

PLANTED = {
    "HONEYCOMB_API_KEY": "hcaik-planted-0123456789abcdef",
    "HONEYCOMB_CONFIGURATION_KEY": "planted-configuration-0123456789",
    "AWS_ACCESS_KEY_ID": "AKIAPLANTED123456789",
    "AWS_SECRET_ACCESS_KEY": "planted/secret/0123456789abcdefghijklmno",
    "AWS_SESSION_TOKEN": "planted-session-0123456789",
    "ROLLBAR_ACCESS_TOKEN": "planted-rollbar-0123456789",
}
READING = ("HONEYCOMB_CONFIGURATION_KEY",)
IN_ENVIRONMENT = ("HONEYCOMB_API_KEY", "AWS_SECRET_ACCESS_KEY", "ROLLBAR_ACCESS_TOKEN")
# Where a key has to be when Honeycomb is the real one: (process or file, variable).
NEEDED = {
    *(("web", name) for name in READING),
    ("run/honeycomb_api_key", "HONEYCOMB_API_KEY"),
    *((service, "ROLLBAR_ACCESS_TOKEN") for service in ("frontend_api", "activities", "users")),
}


@dataclasses.dataclass
class Outside:
    """A vendor that says yes to everything, and remembers what it was sent."""

    bodies: list[bytes] = dataclasses.field(default_factory=list)
    keys: set[str] = dataclasses.field(default_factory=set)
    _lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def app(self) -> Flask:
        app = Flask("outside")

        @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
        @app.route("/<path:path>", methods=["GET", "POST"])
        def take(path: str) -> Response:
            with self._lock:
                self.bodies.append(request.get_data())
                self.keys.add(request.headers.get("x-honeycomb-team", ""))
            return Response("{}", mimetype=request.content_type or "application/json")

        return app


@contextlib.contextmanager
def planted(state: Path, **variables: str) -> Iterator[System]:
    """Half of the keys in the environment, half in `.env`."""
    dotenv = state.parent / "planted.env"
    state.parent.mkdir(parents=True, exist_ok=True)
    dotenv.write_text("".join(f"{k}={v}\n" for k, v in PLANTED.items() if k not in IN_ENVIRONMENT))
    given = {name: PLANTED[name] for name in IN_ENVIRONMENT}
    with System.at(state, THREEMAPS_ENV_FILE=str(dotenv), **given, **variables) as system:
        yield system


def use(system: System, folder: Path) -> Mapping[str, str]:
    """Everything that a user may type, and what it printed."""
    home = f"{system.settings.url('frontend_api')}/api/activities/home"
    printed = {"up": said(system, "up")}
    answer = requests.get(home, timeout=10)
    trace = answer.headers["X-Trace-Id"]
    typed = {
        "traffic": ("traffic", "--requests", "2"),
        "status": ("status", "--format", "json"),
        "doctor": ("doctor",),
        "compare": ("compare", "--since", "1m", "--format", "json"),
        "snapshot": ("snapshot", "honeycomb", "--since", "1m", "--output", str(folder / "map.json")),
        "trace": ("trace", trace),
        "logs": ("logs", trace),
        "query": ("query", "count"),
        "spend": ("spend",),
    }
    with ThreadPoolExecutor(4) as pool:  # most of it is waiting for the maps to stand still
        answers = pool.map(lambda words: said(system, *words), typed.values())
        printed |= dict(zip(typed, answers, strict=True))
    printed["home page"] = answer.text + str(answer.headers)
    printed["page"] = requests.get(system.settings.url("web"), timeout=30).text
    return printed


def said(system: System, *words: str) -> str:
    done = system.run(*words)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def keys_in(text: str | bytes) -> set[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return {name for name, value in PLANTED.items() if value.encode() in data}


def found_in_files(*folders: Path) -> set[tuple[str, str]]:
    files = [(folder, path) for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    return {
        (str(path.relative_to(folder)), key) for folder, path in files for key in keys_in(path.read_bytes())
    }


def found_in_processes(system: System) -> set[tuple[str, str]]:
    """In the environment and in the arguments, workers included."""
    found = set()
    for name, process in records(system.settings).load().items():
        looked_at = 0
        for member in process.members():
            # A stand-in's helper process may end meanwhile.
            with contextlib.suppress(psutil.NoSuchProcess):
                environment = member.environ()
                assert environment, name
                found |= {(name, key) for key in keys_in("\0".join(environment.values()))}
                assert not keys_in("\0".join(member.cmdline())), name
                assert member.uids().real == os.getuid()
                looked_at += 1
        assert looked_at, name
    return found


@pytest.mark.long
def test_in_local_mode_no_key_goes_anywhere(tmp_path: Path) -> None:
    with planted(tmp_path / "state") as system:
        printed = use(system, tmp_path)
        assert {name for name, text in printed.items() if keys_in(text)} == set()
        assert found_in_processes(system) == set()
        (tmp_path / "planted.env").unlink()
        # The stores are searched too: what the services sent is in them.
        assert found_in_files(tmp_path) == set()


def test_with_a_real_honeycomb_a_key_is_only_where_it_is_needed(tmp_path: Path) -> None:
    outside = Outside()
    with serving(16) as serve:
        url = serve(outside.app())
        real = {"HONEYCOMB_API_ENDPOINT": url, "ROLLBAR_API_ENDPOINT": url, "THREEMAPS_BACKENDS": "honeycomb"}
        with planted(tmp_path / "state", **real) as system:
            printed = use(system, tmp_path)
            wait_for(lambda: PLANTED["HONEYCOMB_API_KEY"] in outside.keys)
            assert {name for name, text in printed.items() if keys_in(text)} == set()
            (tmp_path / "planted.env").unlink()
            found = found_in_processes(system) | found_in_files(tmp_path / "state")
            assert found == NEEDED
            key = system.settings.run / "honeycomb_api_key"
            assert key.stat().st_mode & 0o077 == 0
        assert outside.bodies
        assert not any(keys_in(body) - {"ROLLBAR_ACCESS_TOKEN"} for body in outside.bodies)


def test_psutil_sees_what_a_process_was_given() -> None:
    """What the search above relies on."""
    assert psutil.Process().environ()["PATH"] == os.environ["PATH"]
