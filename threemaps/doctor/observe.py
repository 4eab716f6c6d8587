"""Runs somebody else's service for a moment, a recorder in place of its backend, and sees what arrives."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import IO

import psutil
import requests

from threemaps import nearby
from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.destination import GRPC, destination
from threemaps.doctor.recorder import Recorder
from threemaps.doctor.subject import Subject
from threemaps.nearby import excepted

LINK = "run"
START_SECONDS = 20  # for the service to listen
ARRIVE_SECONDS = 8  # for its spans to arrive after a request
STOP_SECONDS = 5  # for an orderly end, which flushes
POLL = 0.05
# What the SDK says in the service's own log → cause. The next step is the check's own.
CONFESSIONS = {
    "Overriding of current TracerProvider is not allowed": "the code sets up a second TracerProvider",
    "Failed to auto initialize OpenTelemetry": "the launcher failed to initialise",
    "DependencyConflict": "an instrumentation refuses the version of its library",
    "Address already in use": "its port is taken by another process",
    "already in use": "its port is taken by another process",
}
# What would keep the exporter from the recorder, which is near and speaks no TLS.
GONE = {
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_INSECURE",
}


def check_spans_arrive(subject: Subject) -> Check:
    """The one proof: a request goes in, a span comes out."""
    with Recorder() as recorder, tempfile.TemporaryFile("w+b") as output:
        process = start(subject, recorder, output)
        try:
            asked = talk_to(process, recorder)
        finally:
            stop(process)
        output.seek(0)
        said = output.read().decode(errors="replace")
    return verdict(subject, recorder, asked, process.returncode, said)


def start(subject: Subject, recorder: Recorder, output: IO[bytes]) -> "subprocess.Popen[bytes]":
    there = destination(subject)
    environ = {name: value for name, value in subject.environ.items() if name not in GONE}
    environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = (
        recorder.grpc_url if there.protocol == GRPC else recorder.http_url
    )
    environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = there.protocol
    environ["OTEL_BSP_SCHEDULE_DELAY"] = "200"
    environ["no_proxy"] = environ["NO_PROXY"] = excepted(subject.get("no_proxy", "NO_PROXY"))
    environ["no_grpc_proxy"] = excepted(subject.get("no_grpc_proxy", "no_proxy"))
    environ["PYTHONUNBUFFERED"] = "1"
    launcher = [str(subject.launcher)] if subject.launcher else []
    return subprocess.Popen(
        [*launcher, *subject.argv],
        env=environ,
        cwd=subject.folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def talk_to(process: "subprocess.Popen[bytes]", recorder: Recorder) -> list[str]:
    """Waits for the service to listen, asks for its start page, and waits for a span of that."""
    deadline = time.monotonic() + START_SECONDS
    asked: list[str] = []
    while time.monotonic() < deadline and process.poll() is None and not asked:
        asked = [url for port in listening(process.pid) if (url := visit(port))]
        time.sleep(POLL)
    deadline = time.monotonic() + ARRIVE_SECONDS
    while asked and time.monotonic() < deadline and process.poll() is None:
        if recorder.arrived.wait(POLL):
            break
    return asked


def visit(port: int) -> str:
    url = f"http://127.0.0.1:{port}/"
    try:
        with nearby.session_for(url) as session:
            session.get(url, timeout=3, allow_redirects=False)
    except requests.RequestException:
        return ""
    return url


def stop(process: "subprocess.Popen[bytes]") -> None:
    """The whole process group: first in order, which lets the SDK flush, then for good."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        _, left = psutil.wait_procs(list(group(process.pid)), timeout=STOP_SECONDS)
        if not left:
            break
    process.wait()


def group(leader: int) -> Iterator[psutil.Process]:
    """The living processes of a session of ours, the reloader's child and gunicorn's workers included."""
    for process in psutil.process_iter(["status"]):
        with contextlib.suppress(OSError):
            if os.getsid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                yield process


def listening(leader: int) -> list[int]:
    """The TCP ports that they listen on."""
    ports: set[int] = set()
    for process in group(leader):
        with contextlib.suppress(psutil.Error):
            connections = process.net_connections(kind="tcp")
            ports.update(one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN)
    return sorted(ports)


def reason_in(said: str) -> str:
    """The last exception's own words."""
    found = re.findall(r"^[\w.]*(?:Error|Exception)\b:? .*", said, re.MULTILINE)
    return f": {found[-1][:200]}" if found else ""


def without_what_is_named(subject: Subject, reason: str) -> str:
    """A variable that the exception complains of; else the command again, for all that it says."""
    settings = {name: value for name, value in subject.environ.items() if name.startswith("OTEL_") and value}
    said = [name for name in re.findall(r"OTEL_[A-Z_]+", reason) if name in settings]
    named = next((name for name in (*said, *meant(settings, reason))), "")
    return subject.setting(named, "") if named else subject.command


def meant(settings: Mapping[str, str], reason: str) -> Iterator[str]:
    """Named by what the SDK calls it in its code (`max_queue_size`), or by its value in quotes."""
    words = set(re.findall(r"\w+_\w+", reason.upper()))
    quoted = re.findall(r"'([^']+)'|\"([^\"]+)\"", reason)
    values = {single or double for single, double in quoted}
    for name, value in settings.items():
        if value in values or any(name.endswith(f"_{word}") for word in words):
            yield name


def verdict(subject: Subject, recorder: Recorder, asked: list[str], code: int | None, said: str) -> Check:
    if recorder.spans.total():
        heard = ", ".join(f"{count} of {name}" for name, count in recorder.spans.items())
        return good(LINK, "spans", f"spans arrived: {heard}")
    last = said.strip().splitlines()[-1][:200] if said.strip() else "nothing"
    for words, cause in CONFESSIONS.items():
        if words in said:
            reason = reason_in(said.partition(words)[2])
            return broken(LINK, "spans", f"{cause}{reason}", without_what_is_named(subject, reason))
    if missing := re.search(r"Requested component '([^']+)' not found", said):
        step = subject.setting("OTEL_TRACES_EXPORTER", "otlp")
        return broken(LINK, "spans", f"the SDK does not find its component {missing[1]!r}", step)
    if not asked:
        detail = f"it ended with {code} before it listened on any port; last words: {last}"
        return broken(LINK, "spans", detail, subject.command)
    exporters = [place for source in subject.sources for place, _ in source.find("OTLPSpanExporter")]
    if exporters:
        detail = f"its spans went past the recorder: {exporters[0]} has an exporter of its own"
        return broken(LINK, "spans", detail, f"grep -n OTLPSpanExporter {subject.folder}/*.py")
    detail = f"it answered at {asked[0]} and sent no span within {ARRIVE_SECONDS} s; last words: {last}"
    return broken(LINK, "spans", detail, subject.setting("OTEL_LOG_LEVEL", "debug"))
