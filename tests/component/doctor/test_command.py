"""A command that is run with the probe in it: what it sees, what it leaves, and what it costs."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests

from tests.component.doctor.breakages.case import BY_HAND, PLAIN, edited
from tests.component.doctor.ends import Ends
from tests.component.doctor.test_table import BIN, RIGHT
from tests.conftest import free_port
from threemaps.cli.doctor import as_text
from threemaps.demo.health import wait_until
from threemaps.doctor import visit
from threemaps.doctor.inside import INJECTED, look_inside
from threemaps.doctor.listener import Listener
from threemaps.doctor.rules import LINKS
from threemaps.doctor.service import check_command, every_rule
from threemaps.settings import PROJECT

pytestmark = pytest.mark.usefixtures("reading_back")
CLI = BIN / "threemaps"
SECRET = "hcaik_" + "5ec2e7" * 9 + "5ec2"


def environ(ends: Ends, **variables: str) -> dict[str, str]:
    right = {
        **RIGHT,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{ends.http}",
        "PORT": str(free_port()),
    }
    return {**right, **variables}


@pytest.mark.parametrize(
    "flags", ["--daemon --bind 127.0.0.1:0", "--bind [::1]:0", "--bind unix:shop.socket"]
)
def test_all_that_it_starts_is_stopped(ends: Ends, folder: Path, flags: str) -> None:
    command = f"opentelemetry-instrument gunicorn {flags} app:app".split()
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    checks = check_command(command, environ(ends), folder)
    assert all(one.ok for one in checks), as_text(checks)
    assert {process.pid for process in psutil.Process().children(recursive=True)} == before
    assert [one for one in psutil.process_iter(["cwd"]) if one.info["cwd"] == str(folder)] == []


def test_a_service_that_ends_says_its_last_words(ends: Ends, folder: Path) -> None:
    (folder / "app.py").write_text("raise SystemExit('no database')\n")
    said = as_text(check_command(["python", "app.py"], environ(ends), folder)).splitlines()[0]
    assert "it ended with 1" in said
    assert "no database" in said


def test_what_listens_nowhere_has_not_ended(
    ends: Ends, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "START_SECONDS", 2)
    (folder / "app.py").write_text("import time\ntime.sleep(60)\n")
    assert "it listened nowhere" in as_text(check_command(["python", "app.py"], environ(ends), folder))


def test_a_slow_start_page_is_named(ends: Ends, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "PAGE_SECONDS", 1)
    slow = ('return {"hello"', '__import__("time").sleep(60); return {"hello"')
    (folder / "app.py").write_text(edited(BY_HAND, slow))
    said = as_text(check_command(["python", "app.py"], environ(ends), folder)).splitlines()[0]
    assert said.startswith("broken at")


def test_no_key_leaves_the_process(ends: Ends, folder: Path) -> None:
    """Neither of the exporter, nor of Rollbar, nor what stands in variables and in words of the command."""
    headers = f'headers={{"x-honeycomb-team": "{SECRET}"}}'
    code = edited(
        BY_HAND,
        (
            "OTLPSpanExporter()",
            f'OTLPSpanExporter(endpoint="http://127.0.0.1:{ends.honeycomb}/v1/traces", {headers})',
        ),
        (
            "import os\n",
            f'import os\nimport logging\n\nimport rollbar\n\nrollbar.init("{SECRET[6:40]}", "test")\n',
        ),
        (
            "    with tracer",
            f'    logging.getLogger("opentelemetry.shop").error("key %s", "{SECRET}")\n    with tracer',
        ),
    )
    (folder / "app.py").write_text(code)
    given = environ(
        ends, MY_TOKEN="t0p" + SECRET[6:30], OTEL_EXPORTER_OTLP_HEADERS=f"x-honeycomb-team={SECRET}"
    )
    facts = look_inside(["python", "app.py", f"API_KEY={SECRET[8:50]}"], given, folder)
    reported = json.dumps(facts.facts)
    assert facts.request is not None
    assert facts.last("rollbar") is not None
    assert any(one["logger"] == "opentelemetry.shop" for one in facts.logs())
    for secret in (SECRET, SECRET[6:40], "t0p" + SECRET[6:30], SECRET[8:50]):
        assert secret not in reported
    assert SECRET not in as_text(check_command(["python", "app.py"], given, folder))


def test_an_attribute_without_its_brackets_is_noted(ends: Ends, folder: Path) -> None:
    """As it stands in a journal: the span arrives, the attribute does not."""
    span = '    with tracer.start_as_current_span("home"):\n'
    journal = (
        span,
        '    with tracer.start_as_current_span("home-activities-mock-data"):\n'
        "        from datetime import datetime, timezone\n\n"
        "        span = trace.get_current_span()\n"
        "        now = datetime.now(timezone.utc).astimezone()\n"
        '        span.set_attribute("app.now", now.isoformat)\n'
        '        span.set_attribute("app.result_lenght", len([1, 2, 3]))\n',
    )
    (folder / "app.py").write_text(edited(BY_HAND, journal))
    checks = check_command(["python", "app.py"], environ(ends), folder)
    assert all(one.ok for one in checks), as_text(checks)
    first = as_text(checks).splitlines()[0]
    assert "sets app.now to a builtin_function_or_method" in first
    assert 'span.set_attribute("app.now", now.isoformat())' in first
    assert "the call lacks its brackets" in first


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("signal", ["logs", "metrics"])
def test_what_became_of_other_signals_is_reported(
    ends: Ends, folder: Path, signal: str, refused: bool
) -> None:
    """They wait for up to a minute, and go when the service ends. Refused ones break no trace."""
    end = ends.closed if refused else ends.http
    says = ('    return {"hello', '    app.logger.warning("hello")\n    return {"hello')
    (folder / "app.py").write_text(edited(PLAIN, says))
    given = environ(
        ends,
        **{f"OTEL_{signal.upper()}_EXPORTER": "otlp"},
        OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED="true",
        **{f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT": f"http://127.0.0.1:{end}/v1/{signal}"},
    )
    checks = check_command(["opentelemetry-instrument", "python", "app.py"], given, folder)
    assert all(one.ok for one in checks), as_text(checks)
    found = next(one for one in checks if one.link == signal)
    assert ("which does not take them" in found.detail) is refused, as_text(checks)
    assert found.next_step == (f"export OTEL_{signal.upper()}_EXPORTER=none" if refused else "")
    assert found.looked


def test_one_rule_by_name(ends: Ends, folder: Path) -> None:
    (folder / "app.py").write_text(edited(BY_HAND, ("trace.set_tracer_provider(provider)\n", "")))
    found = check_command(["python", "app.py"], environ(ends), folder, "not-global")
    assert [(one.code, one.ok) for one in found] == [("TM203", False)]
    other = check_command(["python", "app.py"], environ(ends), folder, "TM301")
    assert [one.ok for one in other] == [True]


def test_every_code_is_listed_and_documented() -> None:
    listed = subprocess.run(
        [CLI, "doctor", "--list-checks"], capture_output=True, text=True, check=True
    ).stdout
    documented = (PROJECT / "docs" / "doctor.md").read_text()
    codes = [rule.code for rule in every_rule()]
    assert len(codes) == len(set(codes))
    for rule in every_rule():
        assert re.search(rf"^{rule.code}  {rule.name} ", listed, re.MULTILINE)
        assert f'<a id="{rule.code.lower()}"></a>{rule.code} | {rule.name} | {rule.why} |' in documented
    for link in LINKS:
        assert f'<a id="{link.code.lower()}"></a>' in documented


COUNT = 300


def seconds_a_request(folder: Path, variables: dict[str, str]) -> float:
    """Of the service in this folder, asked again and again over one connection."""
    url = f"http://127.0.0.1:{variables['PORT']}/"
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--bind",
        f"127.0.0.1:{variables['PORT']}",
        "--keep-alive",
        "60",
    ]
    process = subprocess.Popen(
        [*command, "--worker-class", "gthread", "app:app"],
        cwd=folder,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with requests.Session() as session:
            assert wait_until(lambda: reached(session, url), 30)
            worker = psutil.Process(process.pid).children()[0]
            before = worker.cpu_times()
            for _ in range(COUNT):
                session.get(url, timeout=5)
            after = worker.cpu_times()
    finally:
        process.terminate()
        process.wait(30)
    return (after.user + after.system - before.user - before.system) / COUNT


def reached(session: requests.Session, url: str) -> bool:
    try:
        return session.get(url, timeout=5).ok
    except requests.RequestException:
        return False


@pytest.mark.long
def test_a_request_takes_at_most_twice_as_long(ends: Ends, folder: Path) -> None:
    """The CPU of a request that does nothing but make two spans, which is the worst of cases."""
    (folder / "app.py").write_text(BY_HAND)
    plain = min(seconds_a_request(folder, environ(ends)) for _ in range(3))
    with Listener() as listener:
        probed = {"THREEMAPS_PROBE": listener.address, "PYTHONPATH": INJECTED}
        watched = min(seconds_a_request(folder, environ(ends, **probed)) for _ in range(3))
        assert sum(one["kind"] == "request" for one in listener.facts) > COUNT
    assert watched < 2 * plain, f"{watched * 1e6:.0f} µs instead of {plain * 1e6:.0f} µs"


def test_a_process_that_the_doctor_did_not_start_has_no_probe(ends: Ends, folder: Path) -> None:
    """Even with the folder on its path: without an address to report to, nothing is watched."""
    variables = {**environ(ends), "PYTHONPATH": INJECTED}
    probe = "sys.modules['_threemaps_probe'].folders"
    code = f"import sys, flask; print({probe}, flask.Flask.__call__.__qualname__)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] Flask.__call__"


def python_of(version: str) -> str | None:
    """One that uv finds, or one of pyenv's that is not switched on."""
    found = subprocess.run(["uv", "python", "find", version], capture_output=True, text=True)
    if found.returncode == 0:
        return found.stdout.strip()
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}*/bin/python"))
    return str(pyenv[-1]) if pyenv else None


@pytest.mark.long
@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_other_pythons(ends: Ends, folder: Path, version: str) -> None:
    """A healthy service and a broken one, on each Python that is here."""
    interpreter = python_of(version)
    if interpreter is None:
        pytest.skip(f"no Python {version} here")
    python = folder.parent / "venv" / "bin" / "python"
    locked = PROJECT / "requirements.lock"
    subprocess.run(
        ["uv", "venv", "--quiet", "--python", interpreter, str(folder.parent / "venv")], check=True
    )
    wanted = [
        line.partition(" ")[0]
        for line in locked.read_text().splitlines()
        if re.match(
            r"(flask|opentelemetry-(distro|exporter-otlp|instrumentation(-flask|-requests)?)|requests)==",
            line,
        )
    ]
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", str(python), *wanted], check=True)
    given = environ(ends, PATH=f"{python.parent}:{os.environ['PATH']}")
    for code, command in (
        (PLAIN, ["opentelemetry-instrument", "python", "app.py"]),
        (BY_HAND, ["python", "app.py"]),
    ):
        (folder / "app.py").write_text(code)
        checks = check_command(command, given, folder)
        assert all(one.ok for one in checks), as_text(checks)
    (folder / "app.py").write_text(edited(BY_HAND, ("provider.add_span_processor(processor)\n", "")))
    started = time.monotonic()
    checks = check_command(["python", "app.py"], given, folder)
    assert "TM222" in as_text(checks), time.monotonic() - started
