"""A running process, seen from outside: less than from inside, and nothing that is not so."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.component.doctor.breakages.case import BY_HAND, edited
from tests.component.doctor.ends import Ends
from tests.component.doctor.workshop import Workshop
from tests.conftest import free_port
from threemaps.cli.doctor import as_text
from threemaps.demo.health import wait_until
from threemaps.doctor import subject
from threemaps.doctor.late import check_inside, look_into
from threemaps.doctor.outside import check_process
from threemaps.doctor.service import verdict
from threemaps.doctor.subject import from_process
from threemaps.errors import UserError

CLI = str(Path(sys.executable).with_name("threemaps"))
RIGHT = "opentelemetry-instrument python app.py"
Start = Callable[..., int]


def environ(shop: Workshop, ends: Ends, **variables: str) -> dict[str, str]:
    right = {
        "PORT": str(free_port()),
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{ends.http}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
    return shop.environ(**{**right, **variables})


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    running: list[subprocess.Popen[bytes]] = []

    def run(command: str, variables: dict[str, str]) -> int:
        words = command.split()
        words[0] = str(Path(variables["PATH"].split(":")[0]) / words[0])
        process = subprocess.Popen(
            words, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        running.append(process)
        assert process.stdout is not None
        while b"Running on" not in (line := process.stdout.readline()):
            assert line, "the service ended before it listened"
        return process.pid

    yield run
    for process in running:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.send_signal(signal.SIGTERM)
        process.communicate()


@pytest.mark.parametrize(
    ("command", "variables", "says"),
    [
        (RIGHT, {"OTEL_TRACES_EXPORTER": "none"}, "OTEL_TRACES_EXPORTER=none"),
        (RIGHT, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "speaks http/protobuf"),
        (
            RIGHT,
            {"OTEL_EXPORTER_OTLP_HEADERS": "x-honeycomb-team="},
            "x-honeycomb-team is empty, so its key never reached this process",
        ),
        ("python app.py", {"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED=true turns the whole SDK off"),
    ],
)
def test_what_variables_say(
    workshop: Workshop, ends: Ends, start: Start, command: str, variables: dict[str, str], says: str
) -> None:
    checks = check_process(start(command, environ(workshop, ends, **variables)))
    assert says in checks[-1].detail, as_text(checks)


@pytest.mark.parametrize(
    "command",
    [
        RIGHT,
        "python app.py",
        "opentelemetry-instrument flask --app app run --port 0",
        "opentelemetry-instrument flask --app app run --debug --port 0",
    ],
)
def test_a_right_process_is_called_right_as_far_as_can_be_seen(
    workshop: Workshop, ends: Ends, start: Start, command: str
) -> None:
    pid = start(command, environ(workshop, ends))
    checks = check_process(pid)
    assert all(one.ok for one in checks), as_text(checks)
    assert "not looked at: " in as_text(checks).splitlines()[0]
    assert not checks[-1].looked
    assert psutil.Process(pid).is_running()


def test_a_file_newer_than_the_process_is_noted(
    workshop: Workshop, ends: Ends, start: Start, folder: Path
) -> None:
    pid = start(RIGHT, environ(workshop, ends))
    (folder / "app.py").touch()
    notes = [one for one in check_process(pid) if one.name == "newer files"]
    assert notes[0].ok
    assert f"app.py is newer than process {pid}" in notes[0].detail
    assert notes[0].next_step.startswith(f"kill {pid} && ")


def test_the_command_line_puts_cause_and_next_step_first(
    workshop: Workshop, ends: Ends, start: Start
) -> None:
    pid = start(RIGHT, environ(workshop, ends, OTEL_SDK_DISABLED="true"))
    text = subprocess.run([CLI, "doctor", "--pid", str(pid)], capture_output=True, text=True)
    assert text.returncode == 1
    first = text.stdout.splitlines()[0]
    assert "OTEL_SDK_DISABLED=true turns the whole SDK off → unset OTEL_SDK_DISABLED" in first
    as_json = subprocess.run(
        [CLI, "doctor", "--format", "json", "--pid", str(pid)], capture_output=True, text=True
    )
    assert json.loads(as_json.stdout)["broken"]["next_step"] == "unset OTEL_SDK_DISABLED"


def test_no_such_process() -> None:
    with pytest.raises(UserError, match="no process has the id"):
        from_process(2**22 + 1)


def test_a_process_that_has_ended_is_named() -> None:
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(UserError, match="has ended"):
            from_process(ended.pid)


def test_only_python_can_be_looked_at() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        checks = check_process(process.pid)
        process.kill()
    assert "which is no Python" in checks[-1].detail


def test_a_thread_of_the_kernel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "status").write_text("Name:\tkthreadd\nState:\tS (sleeping)\n")
    monkeypatch.setattr(subject, "PROC", tmp_path)
    with pytest.raises(UserError, match="a thread of the kernel"):
        from_process(2)


Pretend = Callable[..., Path]


@pytest.fixture
def pretend(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """/proc as a process with a title of its own leaves it."""

    def make(title: str, environ: bytes, loaded: Path, program: str = "/usr/bin/python3.11") -> Path:
        process = tmp_path / "proc" / "7"
        process.mkdir(parents=True)
        (process / "status").write_text("State:\tS (sleeping)\nVmSize:\t 1 kB\n")
        (process / "cmdline").write_bytes(title.encode() + b"\0")
        (process / "environ").write_bytes(environ)
        (process / "maps").write_text(f"7f00-7f01 r-xp 0000 fe:00 11 {loaded}\n")
        for name, target in (("root", "/"), ("cwd", str(folder)), ("exe", program)):
            (process / name).symlink_to(target)
        monkeypatch.setattr(subject, "PROC", process.parent)
        return process

    return make


@pytest.mark.parametrize("title", ["gunicorn: master [app:app]", "gunicorn: worker [app:app]"])
def test_a_process_with_a_title_of_its_own(workshop: Workshop, pretend: Pretend, title: str) -> None:
    path = str(Path(sys.executable).parent)  # which has another gunicorn
    pretend(title, f"PATH={path}\0PORT=1\0".encode(), workshop.site / "setproctitle" / "_setproctitle.so")
    found = from_process(7)
    assert found.interpreter == workshop.bin / "python"
    assert found.words == ("gunicorn", "app:app")
    assert found.environ == {"PATH": path, "PORT": "1"}


@pytest.mark.parametrize(("program", "is_python"), [("/usr/bin/python3.11", True), ("/usr/bin/perl", False)])
def test_a_title_that_says_nothing(pretend: Pretend, program: str, is_python: bool) -> None:
    pretend("my service", b"HOME=/\0", Path("/usr/lib/libc.so"), program)
    assert from_process(7).is_python is is_python


@pytest.mark.parametrize("left", [b"p:app]\0\0\0\0", b"\0\0\0\0", b"\0\0 = my"])
def test_a_title_over_the_environment_is_named(pretend: Pretend, left: bytes) -> None:
    pretend("gunicorn: master [app:app]", left, Path("/usr/lib/libc.so"))
    with pytest.raises(UserError, match="its title where its environment was"):
        from_process(7)


BY_SIGNAL = """\
import signal
from pathlib import Path


def run(number, frame):
    exec(Path("script").read_text(), {})


signal.signal(signal.SIGUSR1, run)
"""


@pytest.mark.parametrize(
    ("broken", "says"), [("", ""), ("trace.set_tracer_provider(provider)\n", "no global TracerProvider")]
)
def test_the_probe_in_a_process_that_runs(
    workshop: Workshop, ends: Ends, start: Start, folder: Path, broken: str, says: str
) -> None:
    """A signal runs the file, as `sys.remote_exec` does on the Pythons that have it."""
    requests = "from opentelemetry.instrumentation.requests import RequestsInstrumentor\n"
    code = edited(BY_HAND, (requests, ""), ("RequestsInstrumentor().instrument()\n", ""), (broken, ""))
    (folder / "app.py").write_text(BY_SIGNAL + code)
    pid = start("python app.py", environ(workshop, ends))

    def inject(pid: int, script: str) -> None:
        (folder / "script").write_text(Path(script).read_text())
        os.kill(pid, signal.SIGUSR1)

    checks = verdict(look_into(from_process(pid), inject))
    assert says in " ".join(one.detail for one in checks if not one.ok), as_text(checks)
    assert all(one.ok for one in checks) is not bool(says), as_text(checks)
    if not says:
        trace = re.search(r"its trace is ([0-9a-f]{32})", as_text(checks))
        assert trace
        assert wait_until(lambda: ends.has(trace[1]), 5), as_text(checks)


def test_older_pythons_let_nobody_in(workshop: Workshop, ends: Ends, start: Start) -> None:
    pid = start("python app.py", environ(workshop, ends))
    if hasattr(sys, "remote_exec"):
        assert check_inside(pid)
    else:
        with pytest.raises(UserError, match=r"3\.14 is the first that gets into a running process"):
            check_inside(pid)
