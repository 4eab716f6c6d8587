"""Each breakage of the table is run: the doctor names it at once, and what it says mends it."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.component.doctor.breakages import ALL
from tests.component.doctor.breakages.case import Case
from tests.component.doctor.ends import Ends
from tests.conftest import free_port
from threemaps.cli.doctor import as_text
from threemaps.doctor.check import Check
from threemaps.doctor.rules.base import Edit
from threemaps.doctor.service import check_command

pytestmark = pytest.mark.usefixtures("reading_back")
BIN = Path(sys.executable).parent
BROKEN = [case for case in ALL if case.says]
HEALTHY = [case for case in ALL if not case.says]
RIGHT = {
    "PATH": f"{BIN}:{os.environ['PATH']}",
    "HOME": os.environ.get("HOME", "/"),
    "OTEL_SERVICE_NAME": "shop",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "HTTP",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}


class Patient:
    """A case in a folder, with its command and variables; what the doctor says can be followed."""

    def __init__(self, case: Case, ends: Ends, folder: Path) -> None:
        self.ends, self.folder, port = ends, folder, str(free_port())
        self.fill = lambda text: re.sub(r'(?<!")\bPORT\b', port, ends.fill(text))
        for name, text in {"app.py": case.code, **case.files}.items():
            (folder / name).write_text(self.fill(text))
        self.words = [
            self.fill(word).replace("PYTHON", sys.executable) if word == "PYTHON" else self.fill(word)
            for word in case.command.split()
        ]
        variables = {**RIGHT, "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{ends.xray}", **case.variables}
        self.environ = {name: self.fill(value) for name, value in variables.items() if value}
        self.environ["PORT"] = port

    def asked(self) -> list[Check]:
        return check_command(self.words, self.environ, self.folder)

    def follow(self, check: Check) -> None:
        """Types or writes what it says. The collector of `threemaps up` is the one that runs here."""
        if check.edit:
            Edit(
                Path(str(check.edit["file"])),
                check.edit["line"],
                str(check.edit["how"]),
                self.ends.moved(str(check.edit["text"])),
            ).apply()  # type: ignore[arg-type]
        said = self.ends.moved(check.next_step.rpartition("; then ")[2] if check.edit else check.next_step)
        if check.edit and "; then " not in check.next_step:
            return
        if said.startswith(("export ", "unset ", "set ")) or " -m pip install " in said:
            typed, _, command = said.partition(" && ")
            script = f"{{ {typed}; }} >&2 && env -0"
            done = subprocess.run(
                ["bash", "-c", script], env=self.environ, cwd=self.folder, capture_output=True, check=True
            )
            pairs = (pair.partition("=") for pair in done.stdout.decode().split("\0") if pair)
            self.environ = {name: value for name, _, value in pairs}
            said = command
        if said:
            self.words = shlex.split(said)


def trace_in(checks: list[Check]) -> str:
    found = re.search(
        r"its trace is (1-[0-9a-f]{8}-)?([0-9a-f]{24,32})", "\n".join(one.detail for one in checks)
    )
    assert found, as_text(checks)
    return (found[1] or "")[2:10] + found[2]


def cases(wanted: list[Case]) -> list[object]:
    """A fast sample runs each time; all of them in `make test-all`."""
    return [pytest.param(one, id=one.name, marks=() if one.quick else pytest.mark.long) for one in wanted]


@pytest.mark.parametrize("case", cases(BROKEN))
def test_is_named_at_once(case: Case, ends: Ends, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    patient = Patient(case, ends, folder)
    checks = patient.asked()
    first = as_text(checks).splitlines()[0]
    assert first.startswith("broken at"), as_text(checks)
    assert re.search(ends.fill(case.says), first), as_text(checks)
    if case.heals:
        patient.follow(next(one for one in checks if not one.ok))
        again = patient.asked()
        assert not [one for one in again if not one.ok], f"{first}\n{as_text(again)}"
        trace = trace_in(again)
        assert ends.has(trace) or any("Honeycomb has the trace" in one.detail for one in again), as_text(
            again
        )


@pytest.mark.parametrize("case", cases(HEALTHY))
def test_all_is_well(case: Case, ends: Ends, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    checks = Patient(case, ends, folder).asked()
    assert all(one.ok for one in checks), as_text(checks)
    assert " hold" in as_text(checks).splitlines()[0], as_text(checks)
    trace = trace_in(checks)
    assert ends.has(trace) or any("Honeycomb has the trace" in one.detail for one in checks), as_text(checks)
