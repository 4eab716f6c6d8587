"""What the checks of the chain look at: the processes, the collector's numbers, one request of our own."""

import contextlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

import psutil
import requests

from threemaps.account.metering import collector_samples
from threemaps.demo.health import wait_until
from threemaps.demo.processes import records
from threemaps.diagnose.collector import Sample, log_tail
from threemaps.doctor.subject import Subject, from_process
from threemaps.errors import UserError
from threemaps.model.difference import Window
from threemaps.settings import SERVICES, Settings

SECONDS = 3
FLOW_SECONDS = 12  # for one request to pass every pipeline
POLL = 0.2
# Pipeline → what its exporters have in their names. Those that queue hand on to the vendor's own.
PIPELINES = {"honeycomb": "honeycomb", "xray": "xray", "cloudwatch logs": "logs"}
INNER_HOP = "otlp_grpc/"
# As the exporters of Honeycomb and of CloudWatch write it to their log. X-Ray's writes nothing.
REFUSED_IN_A_200 = re.compile(r"Partial success response|log events .* are (too old|too new|expired)")


@dataclass(frozen=True, slots=True)
class Complaint:
    """A line in which an exporter of the collector says what went wrong."""

    at: float
    exporter: str
    text: str

    @property
    def refused_in_a_200(self) -> bool:
        """The vendor took some of a batch, and said so; nothing else counts the rest."""
        return REFUSED_IN_A_200.search(self.text) is not None


@dataclass
class Walk:
    """With `send` one request goes through the services, so that there is something to follow."""

    settings: Settings
    send: bool = False
    trace_id: str = ""
    before: list[Sample] = field(default_factory=list)
    started: float = field(default_factory=time.time)

    @cached_property
    def session(self) -> requests.Session:
        """For what runs here: never through a proxy."""
        session = requests.Session()
        session.trust_env = False
        return session

    def answers(self, url: str) -> bool:
        try:
            return self.session.get(url, timeout=SECONDS).ok
        except requests.RequestException:
            return False

    @cached_property
    def started_by_us(self) -> dict[str, int]:
        """What `threemaps up` started and still lives: name → process."""
        alive = (one for one in records(self.settings).load().values() if one.alive)
        return {process.name: process.pid for process in alive}

    @cached_property
    def services(self) -> dict[str, Subject]:
        """Whatever has the services' ports on this machine; in containers there is nothing to look at."""
        found = {}
        for name in SERVICES:
            pid = self.started_by_us.get(name) or listener(self.settings.ports[name])
            if pid:
                with contextlib.suppress(UserError):
                    found[name] = from_process(pid)
        return found

    @cached_property
    def logs_by_collector(self) -> bool:
        """False where all services are on the X-Ray SDK, or send their records past the collector."""
        if not self.services:
            return self.settings.get("CLOUDWATCH_LOGS") != "watchtower"
        exporters = [one.get("OTEL_LOGS_EXPORTER") for one in self.services.values() if one.launched]
        return any(name != "none" for name in exporters)

    def metrics(self) -> list[Sample]:
        """The collector's own; empty where it gives none."""
        try:
            return collector_samples(self.settings)
        except UserError:
            return []

    def complaints(self) -> list[Complaint]:
        """What the vendors' exporters said since this walk began, or in the last half minute.

        They know why; the one before an internal hop knows only that something was refused.
        """
        since = self.started if self.send else self.started - 30
        log = log_tail(self.settings.logs / "collector.log")
        lines = (complaint for line in log.splitlines() if (complaint := complaint_in(line)))
        return [one for one in lines if one.at >= since and not one.exporter.startswith(INNER_HOP)]

    def until(self, condition: Callable[[], bool], seconds: float = FLOW_SECONDS) -> bool:
        return wait_until(condition, seconds, POLL)

    @property
    def window(self) -> Window:
        end = datetime.now(UTC) + timedelta(minutes=1)
        return Window(end - timedelta(minutes=10), end)


def listener(port: int) -> int | None:
    """The process that listens on this port; of gunicorn's, the one that its workers come from."""
    try:
        connections = psutil.net_connections(kind="tcp")
        listening = [one for one in connections if one.status == psutil.CONN_LISTEN and one.pid]
        pid = next((one.pid for one in listening if one.laddr and one.laddr.port == port), None)
        process = psutil.Process(pid) if pid else None
        while process and (parent := process.parent()) and parent.cmdline() == process.cmdline():
            process = parent
    except psutil.Error:
        return None
    return process.pid if process else None


def of(samples: list[Sample], prefix: str, pipeline: str, *, end: bool = False) -> float:
    """A pipeline's samples whose name starts like this; with `end` those of the vendor's own exporter."""
    found = (
        one
        for one in samples
        if one.name.startswith(prefix) and PIPELINES[pipeline] in one.labels.get("exporter", "")
    )
    return sum(one.value for one in found if not (end and one.labels["exporter"].startswith(INNER_HOP)))


def complaint_in(line: str) -> Complaint | None:
    """A line of the collector's log, which is JSON, if one of its exporters speaks of an error.

    A warning without one is about a configuration, or about a vendor that took only some of a batch.
    """
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("otelcol.component.kind", "").lower() != "exporter":
        return None
    error = str(entry.get("error", ""))
    why = [str(entry[name]) for name in ("msg", "message") if entry.get(name)]
    text = " ".join((error or ": ".join(why)).split())
    complaint = Complaint(seconds_of(entry.get("ts")), str(entry.get("otelcol.component.id", "")), text)
    speaks_of_an_error = error or entry.get("level") == "error" or complaint.refused_in_a_200
    return complaint if speaks_of_an_error else None


def seconds_of(stamp: object) -> float:
    if isinstance(stamp, int | float):
        return float(stamp)
    try:
        return datetime.fromisoformat(str(stamp)).timestamp()
    except ValueError:
        return 0.0


def quoted(complaints: list[Complaint]) -> str:
    return complaints[-1].text[:300] if complaints else "its exporter says nothing"
