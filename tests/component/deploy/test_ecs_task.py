"""Containers of a Fargate task, run here: the first one's files start the collector, the last one waits."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
from flask import Flask

from tests.collector_process import wait_for
from tests.component.deploy.conftest import Secrets
from tests.component.deploy.ecs import COLLECTORS, containers, environment
from tests.component.deploy.started import is_healthy, own_ports, started
from tests.conftest import Serve
from tests.wider_collector import say
from threemaps.demo import task
from threemaps.demo.collector import collector_binary
from threemaps.diagnose.drain import QUEUE, drained, waiting


def parameters(made: Secrets) -> dict[str, str]:
    """What is in the Parameter Store, by the variable that gets it."""
    certificate, token = made["gateway-tls"], made["gateway-token"]
    return {
        "HONEYCOMB_API_KEY": made["vendors"]["honeycomb_api_key"],
        "GATEWAY_CA": certificate["ca.crt"],
        "GATEWAY_CERT": certificate["tls.crt"],
        "GATEWAY_KEY": certificate["tls.key"],
        "GATEWAY_TOKEN": token["token"],
        "GATEWAY_TOKENS": token["tokens"],
    }


def prepared(name: str, folder: Path, made: Secrets) -> subprocess.CompletedProcess[str]:
    """The first container, with `folder` in the place of /state."""
    init = containers(name)["init"]
    (folder / "tmp").mkdir(parents=True)
    stored = parameters(made)
    given = environment(init) | {one["name"]: stored[one["name"]] for one in init["secrets"]}
    command = [sys.executable, *init["command"][1:]]
    environ = {"PATH": os.environ["PATH"], **given, "THREEMAPS_STATE": str(folder)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["users", "gateway"])
def test_the_collector_starts_with_what_the_first_container_leaves(
    name: str, made: Secrets, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    done = prepared(name, state, made)
    assert (done.returncode, done.stderr) == (0, "")
    described = containers(name)[COLLECTORS[name]]
    open_to_others = [key for key, value in environment(described).items() if value.startswith("0.0.0.0")]
    assert open_to_others == (["THREEMAPS_OTLP_HTTP"] if name == "gateway" else [])
    command = (
        str(collector_binary(say)),
        *(word.replace("/state", str(state)) for word in described["command"]),
    )
    given = {
        key: value.replace("/state", str(state)) for key, value in environment(described).items()
    } | own_ports()
    role = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "PATH": os.environ["PATH"]}
    log = tmp_path / "log"
    with started(command, {**role, **given}, log) as process:
        wait_for(lambda: process.poll() is not None or is_healthy(given), 60)
        assert process.poll() is None, log.read_text()[-3000:]
        url = f"http://127.0.0.1:{given['THREEMAPS_METRICS_PORT']}/metrics"
        assert requests.get(url).ok
        assert waiting(url) == 0


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "THREEMAPS_STATE": str(tmp_path), "THREEMAPS_ENV_FILE": os.devnull}
    command = [sys.executable, "-m", "threemaps.demo.task", "gateway"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "GATEWAY_CERT is not set")


def test_files_are_for_their_owner_alone(made: Secrets, tmp_path: Path) -> None:
    assert prepared("gateway", tmp_path, made).returncode == 0
    for name in task.GIVEN["gateway"]:
        assert (tmp_path / "run" / name).stat().st_mode & 0o077 == 0


def test_the_collector_is_not_stopped_before_its_queues_are_empty(serve: Serve, tmp_path: Path) -> None:
    collector = Metrics([7.0, 7.0])
    url = serve(collector.app)
    command = (sys.executable, "-m", "threemaps.diagnose.drain", "0")
    environ = {**os.environ, "THREEMAPS_URL_COLLECTOR_METRICS": url, "THREEMAPS_ENV_FILE": os.devnull}
    log = tmp_path / "log"
    with started(command, environ, log) as process:
        wait_for(lambda: log.read_text(), 60)
        assert collector.asked == 0
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: collector.asked > 2, 60)
        assert process.poll() is None
        collector.queues[:] = [0.0, 0.0]
        assert process.wait(timeout=60) == 0


def test_draining_ends_when_time_is_up_or_nobody_answers(serve: Serve) -> None:
    url = serve(Metrics([1.0]).app) + "/metrics"
    assert drained(url, 0, 0.1) >= 0.1
    assert waiting("http://127.0.0.1:9/metrics") is None


class Metrics:
    """A collector's own metrics, as far as `drain` reads them."""

    def __init__(self, queues: list[float]) -> None:
        self.queues, self.asked, self.app = queues, 0, Flask("collector")
        self._lock = threading.Lock()
        self.app.add_url_rule("/metrics", view_func=self._answer)

    def _answer(self) -> str:
        with self._lock:
            self.asked += 1
        return "".join(f'{QUEUE}{{exporter="{n}"}} {size}\n' for n, size in enumerate(self.queues))
