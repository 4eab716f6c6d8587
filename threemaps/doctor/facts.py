"""What the probe reported of a service, in the order of the request that the doctor sent."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from threemaps.doctor.listener import Fact
from threemaps.doctor.parts import Export, Exporter, Outcome, exporter_in
from threemaps.doctor.subject import Subject

OF_SIGNAL = re.compile(r"_(log|metric)_exporter|\.metric_exporter|\b(logs|metrics) (batch|to)\b")


@dataclass
class Facts:
    """`subject` is the command as typed; the facts say what became of it.

    `expected`: nobody looked inside, and they are what variables promise. `asks`: addresses can be asked.
    """

    subject: Subject
    nonce: str
    facts: list[Fact]
    outcome: Outcome = field(default_factory=Outcome)
    expected: bool = False
    asks: bool = True
    writes: Callable[[str, str, str], Any] | None = None  # a variable, where it is not typed
    standings: dict[str, Any] = field(default_factory=dict)  # address → what stands there, once it was asked

    def all(self, kind: str) -> Iterator[Fact]:
        return (one for one in list(self.facts) if one["kind"] == kind)

    @cached_property
    def request(self) -> Fact | None:
        """Our request, where a Flask app answered it."""
        found = [one for one in self.all("request") if one.get("nonce") == self.nonce]
        return found[-1] if found else None

    @cached_property
    def run(self) -> str:
        """The process that answered; else the one that has an app, or a provider, or came last."""
        if self.request:
            return str(self.request["run"])
        for kind in ("app", "span", "provider", "xray-configured", "process"):
            if found := list(self.all(kind)):
                return str(found[-1]["run"])
        return ""

    @cached_property
    def process(self) -> Fact | None:
        return next((one for one in self.all("process") if one["run"] == self.run), None)

    @property
    def lineage(self) -> list[Fact]:
        """All that happened in this process, and in those it was forked from before it was."""
        return self._lineage(self.run, float("inf"))

    def _lineage(self, run: str, until: float) -> list[Fact]:
        own = [one for one in list(self.facts) if one.get("run") == run and one["at"] <= until]
        hello = next((one for one in own if one["kind"] == "process"), None)
        if hello is None or not hello.get("forked"):
            return own
        return self._lineage(str(hello["mother"]), hello["at"]) + own

    def seen(self, kind: str) -> list[Fact]:
        """In the process that answered."""
        return [one for one in self.lineage if one["kind"] == kind]

    def last(self, kind: str, **wanted: object) -> Fact | None:
        found = [
            one for one in self.seen(kind) if all(one.get(name) == value for name, value in wanted.items())
        ]
        return found[-1] if found else None

    def logs(self, logger: str = "") -> list[Fact]:
        return [one for one in self.seen("log") if one["logger"].startswith(logger)]

    # The request
    @property
    def spans(self) -> list[Fact]:
        """Those started for our request, by whomever."""
        if self.request is None:
            return self.seen("span")
        trace = self.request.get("around")
        number = self.request["request"]
        return [
            one
            for one in self.seen("span")
            if one["run"] == self.run and (one["request"] == number or (trace and one["trace"] == trace))
        ]

    @property
    def trace(self) -> str:
        recorded = [one for one in self.spans if one["recording"] and one["sampled"]]
        return str(recorded[0]["trace"]) if recorded else ""

    @property
    def span_that_counts(self) -> Fact | None:
        """The server's, or else the first of the request."""
        servers = [one for one in self.spans if one["type"] == "SERVER"]
        return first(servers or self.spans)

    @property
    def is_over(self) -> bool:
        return any(one["kind"] == "gone" and one["run"] == self.run for one in list(self.facts))

    # OpenTelemetry
    @property
    def provider(self) -> Fact | None:
        """The one that is global, which all that asks for a tracer gets."""
        accepted = self.last("global", accepted=True)
        return self.last("provider", provider=accepted["provider"]) if accepted else None

    @property
    def shut_down(self) -> Fact | None:
        """That of the global provider, if the service goes on without it."""
        found = self.last("shutdown", provider=self.provider["provider"]) if self.provider else None
        return found if found and self.request and not self.is_over else None

    @property
    def exporters(self) -> list[Exporter]:
        """Of the global provider."""
        return self.exporters_of(self.provider["provider"]) if self.provider else []

    def exporters_of(self, provider: int) -> list[Exporter]:
        """An exporter around another one sends where that does."""
        added = [one["processor"] for one in self.seen("processor-added") if one["provider"] == provider]
        made = [one for one in self.seen("processor") if one["processor"] in added]
        inner = {one["processor"]: one["exporter"] for one in self.seen("handing-on")}
        elsewhere = inner.get(None)  # handed on by a thread of the exporter's own
        return [
            exporter_in(
                one, inner.get(one["processor"]) or (None if one["exporter"]["protocol"] else elsewhere)
            )
            for one in made
        ]

    def of_trace(self, kind: str, exporter: Exporter) -> list[Fact]:
        """What happened to our request's spans behind this processor; a thread of its own knows none."""
        return [
            one
            for one in self.seen(kind)
            if one["processor"] in (exporter.processor, None) and self.trace in one["traces"]
        ]

    def export_of(self, exporter: Exporter) -> Export:
        """What became of our request's spans behind this processor."""
        mine = self.of_trace("exporting", exporter)
        if not mine:
            return Export("none")
        said = tuple(
            "; ".join([one["text"], *one["errors"]])
            for one in self.logs("opentelemetry.exporter")
            if one["at"] >= mine[0]["at"] and not is_of_signal(one)
        )
        ended = self.of_trace("exported", exporter)
        if handing := self.of_trace("handing-on", exporter):
            ended = self.of_trace("handed-on", exporter)
        if not ended:
            return Export("underway", said)
        if exporter.protocol and not handing:
            return Export("kept", said)
        is_good = ended[-1]["result"] == "SUCCESS"
        return Export(
            "success" if is_good else "failure", said + ((ended[-1]["why"],) if ended[-1]["why"] else ())
        )

    def auth_of(self, exporter: Exporter) -> Fact | None:
        return self.last("auth", exporter=exporter.number)

    @cached_property
    def has_opentelemetry(self) -> bool:
        """Somebody set out to trace with it."""
        kinds = ("provider", "global", "instrument-app", "processor", "exporter-failed", "provider-failed")
        by_hand = any(self.seen(kind) for kind in kinds)
        failed = any(one["module"].startswith("opentelemetry") for one in self.seen("import-failed"))
        asked = any(one.get("place") for one in self.seen("instrumented"))
        return by_hand or failed or asked or self.launched

    @cached_property
    def has_xray(self) -> bool:
        kinds = ("xray-configured", "xray-middleware", "segment")
        failed = any(one["module"].startswith("aws_xray_sdk") for one in self.seen("import-failed"))
        return failed or any(self.seen(kind) for kind in kinds)

    @property
    def launched(self) -> bool:
        return self.inside.launched

    @cached_property
    def inside(self) -> Subject:
        """The process that answered, as a subject for what only needs its command and variables."""
        from threemaps.doctor.inside import subject_inside

        return subject_inside(self)

    # The X-Ray SDK
    @property
    def segment(self) -> Fact | None:
        number = self.request["request"] if self.request else None
        found = [one for one in self.seen("segment") if one["request"] == number]
        return found[0] if found else None

    @property
    def app(self) -> Fact | None:
        """The Flask app that answered."""
        return self.last("app", app=self.request["app"]) if self.request else None


def is_of_signal(log: Fact) -> bool:
    """What exporters of log records and metrics say."""
    return any(map(OF_SIGNAL.search, (log["logger"], log["text"])))


def first(found: Sequence[Fact]) -> Fact | None:
    return found[0] if found else None
