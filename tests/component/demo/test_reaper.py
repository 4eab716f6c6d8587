"""Tests that are killed leave no system running."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.collector_process import wait_for
from tests.running import clean_environment, own_variables
from threemaps.demo.processes import Running, records
from threemaps.settings import PROJECT, Settings

WATCH = """
import json, sys, time
from tests.reaper import watch
watch(json.loads(sys.argv[1]))
print("watched", flush=True)
time.sleep(600)
"""


def test_what_a_killed_process_started_is_taken_down(tmp_path: Path) -> None:
    environment = {**clean_environment(), **own_variables(tmp_path / "state")}
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    settings = Settings.load(environment)
    settings.run.mkdir(parents=True)
    records(settings).save({"web": Running("web", left.pid, psutil.Process(left.pid).create_time(), "")})
    command = [sys.executable, "-c", WATCH, json.dumps(environment)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "watched\n"
        os.kill(killed.pid, signal.SIGKILL)
    wait_for(lambda: left.poll() is not None)
