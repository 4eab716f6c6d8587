"""action.yml, its steps run as a runner runs them: inputs into variables, files for summary and outputs."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Serve
from tests.running import own_variables
from tests.unit.compare.maps import WINDOW, a_map
from tests.unit.compare.world import World
from threemaps.model.servicemap import ServiceMap
from threemaps.readers.snapshot import snapshot_text
from threemaps.settings import PROJECT

ACTION = yaml.safe_load((PROJECT / "action.yml").read_text())
WHOLE = a_map("(outside)>web 40 0", "web>api 40 2", "api>stock 40 0")
LOST = a_map("(outside)>web 40 0", "web>api 40 2")


@dataclass(frozen=True)
class Step:
    code: int
    log: str
    summary: str
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class Runner:
    """A machine on which threemaps is installed already: the first step has nothing to do."""

    serve: Serve
    folder: Path

    def run(self, drawn: ServiceMap, **inputs: str) -> Step:
        url = self.serve(World(drawn, drawn, drawn).app)
        files = {name: self.folder / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
        for path in files.values():
            path.write_text("")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "RUNNER_TEMP": str(self.folder),
            "GITHUB_ACTION_PATH": str(PROJECT),
            **{name: str(path) for name, path in files.items()},
            **own_variables(self.folder / "state"),
            "THREEMAPS_URL_HONEYCOMB": url,
            "THREEMAPS_URL_AWS": url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        given = {name: str(spec.get("default", "")) for name, spec in ACTION["inputs"].items()} | inputs
        log, code = "", 0
        for step in ACTION["runs"]["steps"]:
            done = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
                env=environ | {name: filled(value, given) for name, value in step.get("env", {}).items()},
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=170,
            )
            log, code = log + done.stdout + done.stderr, done.returncode
            if code:
                break
        lines = files["GITHUB_OUTPUT"].read_text().splitlines()
        outputs = dict(line.split("=", 1) for line in lines)
        return Step(code, log, files["GITHUB_STEP_SUMMARY"].read_text(), outputs)


def filled(value: Any, inputs: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: inputs[match[1]], str(value))


@pytest.fixture
def runner(serve: Serve, tmp_path: Path) -> Runner:
    (tmp_path / "threemaps").symlink_to(Path(sys.executable).parent.parent)
    (tmp_path / "map.json").write_text(snapshot_text("xray", WINDOW, WHOLE))
    return Runner(serve, tmp_path)


def test_a_lost_edge_is_red_and_named_and_green_when_it_is_back(runner: Runner) -> None:
    lost = runner.run(LOST, sources="xray", expect="map.json")
    assert lost.code == 1, lost.log
    assert lost.outputs["agree"] == "false"
    assert int(lost.outputs["differences"]) >= 1
    assert "api → stock" in lost.summary
    assert "```mermaid\nflowchart" in lost.summary
    lines = (runner.folder / "map.json").read_text().splitlines()
    (number,) = [
        at for at, line in enumerate(lines, 1) if '"source": "api"' in line and '"target": "stock"' in line
    ]
    assert f"::error file=map.json,line={number}::missing edge api → stock" in lost.log
    restored = runner.run(WHOLE, sources="xray", expect="map.json")
    assert restored.code == 0, restored.log
    assert restored.outputs == {"agree": "true", "differences": "0"}
    assert "## Service maps agree" in restored.summary
    assert "::error" not in restored.log


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("unreadable", 0), ("differ", 1), ("often", 2)])
def test_fail_on_says_what_fails_the_job(runner: Runner, fail_on: str, code: int) -> None:
    step = runner.run(LOST, sources="xray", expect="map.json", **{"fail-on": fail_on})
    assert step.code == code, step.log


def test_what_cannot_be_read_is_an_error_in_the_log(runner: Runner) -> None:
    step = runner.run(WHOLE, sources="xray", expect="nowhere.json")
    assert step.code == 2
    assert "::error::" in step.log
    assert "nowhere.json" in step.log
    assert "Traceback" not in step.log


def test_every_output_of_the_action_is_written() -> None:
    named = {re.search(r"outputs\.(\w+)", str(one["value"]))[1] for one in ACTION["outputs"].values()}
    assert named == {"agree", "differences"} == set(ACTION["outputs"])
