"""The page's server holds what draws the page only once somebody looks."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from tests.conftest import free_port
from tests.running import clean_environment
from threemaps.demo.health import answers, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists what is mapped")

DRAWING = "graphlay"


def loaded(process: subprocess.Popen[bytes]) -> bool:
    return any(DRAWING in one.path for one in psutil.Process(process.pid).memory_maps())


def test_it_is_healthy_without_what_draws_it_and_draws_when_asked(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {
        **clean_environment(),
        "THREEMAPS_STATE": str(tmp_path),
        "THREEMAPS_ENV_FILE": os.devnull,
        "THREEMAPS_PORT_WEB": str(port),
    }
    with subprocess.Popen([sys.executable, "-m", "threemaps.web"], env=environ) as process:
        try:
            assert wait_until(lambda: answers(f"{url}/healthz"), 60)
            assert requests.get(f"{url}/healthz", timeout=10).json() == {"status": "ok"}
            assert not loaded(process)
            assert "<!doctype html>" in requests.get(url, timeout=60).text.lower()
            assert loaded(process)
            assert requests.get(f"{url}/healthz", timeout=10).json() == {"status": "ok"}
            assert requests.post(f"{url}/try", timeout=10).status_code == 403
        finally:
            process.terminate()
        assert process.wait(20) == 0
