"""A running process, and a command that is run: what only shows while it lives."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.component.doctor.conftest import Environ
from tests.component.doctor.test_service import RIGHT, STANDIN
from tests.component.doctor.workshop import Workshop
from threemaps.doctor import subject, visit
from threemaps.doctor.observe import check_spans_arrive
from threemaps.doctor.recorder import Recorder
from threemaps.doctor.service import check_service
from threemaps.doctor.subject import from_command, from_process
from threemaps.errors import UserError

CLI = str(Path(sys.executable).with_name("threemaps"))
Start = Callable[..., int]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    running: list[subprocess.Popen[bytes]] = []

    def run(command: str, environ: dict[str, str]) -> int:
        words = command.split()
        words[0] = str(Path(environ["PATH"].split(":")[0]) / words[0])
        process = subprocess.Popen(
            words, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        running.append(process)
        assert process.stdout is not None
        while b"Running on" not in (line := process.stdout.readline()):
            assert line, "the service ended before it listened"
        return process.pid

    yield run
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.communicate()


@pytest.mark.parametrize(
    ("command", "variables", "says"),
    [
        ("python app.py", {}, "does not start under opentelemetry-instrument"),
        (RIGHT, {"OTEL_TRACES_EXPORTER": "none"}, "OTEL_TRACES_EXPORTER=none"),
        (RIGHT, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "speaks http/protobuf"),
        (RIGHT, {"OTEL_EXPORTER_OTLP_HEADERS": "x-honeycomb-team="}, "its key never reached this process"),
    ],
)
def test_a_running_process(
    workshop: Workshop,
    environ: Environ,
    start: Start,
    command: str,
    variables: dict[str, str],
    says: str,
) -> None:
    pid = start(command, environ(workshop, **variables))
    assert says in check_service(from_process(pid), STANDIN)[-1].detail


def test_a_right_process_is_left_alone(workshop: Workshop, environ: Environ, start: Start) -> None:
    pid = start(RIGHT, environ(workshop))
    assert [check.detail for check in check_service(from_process(pid), STANDIN) if not check.ok] == []
    assert psutil.Process(pid).is_running()


def test_the_command_line_puts_cause_and_next_step_first(
    workshop: Workshop, environ: Environ, start: Start
) -> None:
    pid = start(RIGHT, environ(workshop, OTEL_SDK_DISABLED="true"))
    text = subprocess.run([CLI, "doctor", "--pid", str(pid)], capture_output=True, text=True)
    assert text.returncode == 1
    first = text.stdout.splitlines()[0]
    assert "OTEL_SDK_DISABLED=true turns the whole SDK off → unset OTEL_SDK_DISABLED" in first
    told = subprocess.run(
        [CLI, "doctor", "--format", "json", "--pid", str(pid)], capture_output=True, text=True
    )
    assert json.loads(told.stdout)["broken"]["next_step"] == "unset OTEL_SDK_DISABLED"


def test_no_such_process() -> None:
    with pytest.raises(UserError, match="no process has the id"):
        from_process(2**22 + 1)


def test_a_process_that_has_ended_is_named() -> None:
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(UserError, match="has ended"):
            from_process(ended.pid)


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
    assert found.argv == ("gunicorn", "app:app")
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


def run(command: str, environ: dict[str, str], folder: Path) -> str:
    return check_service(from_command(command.split(), environ, folder), STANDIN)[-1].detail


@pytest.mark.parametrize(
    "flags",
    [
        "--workers 2 --bind 127.0.0.1:0",
        "--daemon --bind 127.0.0.1:0",
        "--bind [::1]:0",
        "--bind [::]:0",
        "--bind unix:shop.socket",
    ],
)
def test_right_service_is_run_and_stopped_with_its_children(
    workshop: Workshop, environ: Environ, folder: Path, flags: str
) -> None:
    command = f"opentelemetry-instrument gunicorn {flags} app:app"
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    assert run(command, environ(workshop), folder).startswith("spans arrived")
    assert {process.pid for process in psutil.Process().children(recursive=True)} == before
    assert [one for one in psutil.process_iter(["cwd"]) if one.info["cwd"] == str(folder)] == []


def test_grpc_is_observed_too(workshop: Workshop, environ: Environ, recorder: Recorder, folder: Path) -> None:
    variables = environ(
        workshop, OTEL_EXPORTER_OTLP_ENDPOINT=recorder.grpc_url, OTEL_EXPORTER_OTLP_PROTOCOL="grpc"
    )
    assert run(RIGHT, variables, folder).startswith("spans arrived: 1 of shop")


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_what_keeps_from_near_things_does_not_keep_from_the_recorder(
    workshop: Workshop, environ: Environ, folder: Path, protocol: str
) -> None:
    far = environ(
        workshop,
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        OTEL_EXPORTER_OTLP_INSECURE="false",
        http_proxy="http://127.0.0.1:9",
        https_proxy="http://127.0.0.1:9",
    )
    found = check_spans_arrive(from_command(RIGHT.split(), far, folder))
    assert found.detail == "spans arrived: 1 of shop"


@pytest.mark.parametrize(
    ("protocol", "compression"), [("grpc", "gzip"), ("http/protobuf", "gzip"), ("http/protobuf", "deflate")]
)
def test_compressed_spans_arrive(
    workshop: Workshop, environ: Environ, folder: Path, protocol: str, compression: str
) -> None:
    packed = environ(
        workshop, OTEL_EXPORTER_OTLP_COMPRESSION=compression, OTEL_EXPORTER_OTLP_PROTOCOL=protocol
    )
    found = check_spans_arrive(from_command(RIGHT.split(), packed, folder))
    assert found.detail == "spans arrived: 1 of shop"


@pytest.mark.parametrize("encoding", ["deflate", "gzip", "identity", "br"])
def test_a_body_that_is_none_is_refused(
    recorder: Recorder, encoding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    headers = {"Content-Encoding": encoding}
    with requests.post(f"{recorder.http_url}/v1/traces", b"\xff" * 9, headers=headers, timeout=9) as answer:
        assert answer.status_code == 400
    assert capsys.readouterr().err == ""


def test_a_service_that_ends_says_its_last_words(workshop: Workshop, environ: Environ, folder: Path) -> None:
    (folder / "app.py").write_text("raise SystemExit('no database')\n")
    said = run(RIGHT, environ(workshop), folder)
    assert "ended with 1 before it listened" in said
    assert "no database" in said


def test_what_the_doctor_stops_has_not_ended_by_itself(
    workshop: Workshop, environ: Environ, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "START_SECONDS", 2)
    (folder / "app.py").write_text("import time\ntime.sleep(60)\n")
    assert "it runs, and listened nowhere" in run(RIGHT, environ(workshop), folder)


def test_a_slow_start_page_is_named(
    workshop: Workshop, environ: Environ, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "PAGE_SECONDS", 1)
    monkeypatch.setattr(visit, "ARRIVE_SECONDS", 1)
    app = folder / "app.py"
    app.write_text(app.read_text().replace('return "hello"', '__import__("time").sleep(60)'))
    assert "its start page gave no answer within" in run(RIGHT, environ(workshop), folder)


def test_a_page_that_is_late_has_its_span(workshop: Workshop, environ: Environ, folder: Path) -> None:
    app = folder / "app.py"
    app.write_text(app.read_text().replace('return "hello"', '__import__("time").sleep(4); return "late"'))
    assert run(RIGHT, environ(workshop), folder) == "spans arrived: 1 of shop"


def test_an_exporter_in_the_code_goes_past_the_recorder(
    workshop: Workshop, environ: Environ, recorder: Recorder, folder: Path
) -> None:
    app = folder / "app.py"
    by_hand = f"""
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
trace.set_tracer_provider(TracerProvider())
exporter = OTLPSpanExporter(endpoint="{recorder.http_url}/v1/traces")
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(exporter))
app = Flask(__name__)
"""
    app.write_text(app.read_text().replace("app = Flask(__name__)\n", by_hand))
    said = run("python app.py", environ(workshop), folder)
    assert "app.py:11 has an exporter of its own" in said


def test_only_python_can_be_looked_at(folder: Path) -> None:
    subject = from_command(["/bin/cat"], dict(os.environ), folder)
    assert "is no Python program" in check_service(subject, STANDIN)[-1].detail
