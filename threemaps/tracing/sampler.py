"""OpenTelemetry's spans, sampled by X-Ray's rules: OTEL_TRACES_SAMPLER=threemaps_xray.

OTEL_TRACES_SAMPLER_ARG is the address of the collector's X-Ray proxy. A thread in each process fetches rules
and targets; a request only reads what is there. The rules decide where a trace begins. From there on the
decision travels with it, so that no trace is torn.
"""

import http.client
import json
import logging
import os
import random
import secrets
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from threemaps.tracing.sampling_rules import Asked, Rule, fallback, parse

RULE = "aws.xray.sampling_rule"  # on the span that begins a trace, as AWS's distro for Java writes it
DEFAULT_PROXY = "http://127.0.0.1:2000"
RULES_SECONDS = 300.0
RULES_LIFE_SECONDS = 3600.0
FIRST_RETRY_SECONDS = 1.0
CALL_SECONDS = 5.0
MAX_PAGES = 100

logger = logging.getLogger(__name__)


def from_environment(argument: str | None) -> Sampler:
    """What the entry point gives to the SDK."""
    service = os.environ.get("OTEL_SERVICE_NAME") or "unknown_service"
    return ParentBased(XRayRules(argument or DEFAULT_PROXY, service))


class XRayRules(Sampler):
    def __init__(self, proxy: str, service: str) -> None:
        self._proxy = Proxy(proxy)
        self._service = service
        self._rules: list[Rule] = []
        self._fallback = fallback()
        self._fetched = 0.0
        self._is_missed = False
        self._polling_pid = 0
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._start_polling)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if self._polling_pid != os.getpid():
            self._start_polling()
        now = time.time()
        rule = self._rule_for(asked_of(self._service, attributes), now)
        decision = Decision.RECORD_AND_SAMPLE if rule.sample(now) else Decision.DROP
        return SamplingResult(decision, {**(attributes or {}), RULE: rule.name}, trace_state)

    def get_description(self) -> str:
        return "XRayRules"

    def _rule_for(self, asked: Asked, now: float) -> Rule:
        rules = self._rules if now - self._fetched < RULES_LIFE_SECONDS else []
        return next((rule for rule in rules if rule.matches(asked)), self._fallback)

    def _start_polling(self) -> None:
        """Once a process: a thread does not survive a fork."""
        with self._lock:
            if self._polling_pid == os.getpid():
                return
            self._polling_pid = os.getpid()
            threading.Thread(target=self._poll, name="xray-sampling", daemon=True).start()

    def _poll(self) -> None:
        client = secrets.token_hex(12)
        while not self._fetch_rules():
            time.sleep(FIRST_RETRY_SECONDS)
        while True:
            interval = min([rule.interval for rule in self._rules], default=10)
            time.sleep(interval + random.random())  # noqa: S311 - many processes, not all at once
            changed = self._fetch_targets(client)
            if changed or time.time() - self._fetched > RULES_SECONDS:
                self._fetch_rules()

    def _fetch_rules(self) -> bool:
        try:
            self._rules = parse(self._proxy.rules(), self._rules)
        except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException) as error:
            if not self._is_missed:
                logger.warning(
                    "no sampling rules from %s (%s): one request a second and 5 %% of the others are sampled",
                    self._proxy.address,
                    error,
                )
            self._is_missed = True
            return False
        self._fetched, self._is_missed = time.time(), False
        return True

    def _fetch_targets(self, client: str) -> bool:
        """Reports what was decided; True where a rule has changed since it was fetched."""
        rules = {rule.name: rule for rule in self._rules}
        counts = {name: rule.take_report() for name, rule in rules.items()}
        reports = [
            {"RuleName": name, "ClientID": client, "Timestamp": time.time(), **count}
            for name, count in counts.items()
            if count
        ]
        if not reports:
            return time.time() - self._fetched > RULES_SECONDS
        try:
            answer = self._proxy.call("/SamplingTargets", {"SamplingStatisticsDocuments": reports})
            for target in answer["SamplingTargetDocuments"]:
                if target["RuleName"] in rules:
                    rules[target["RuleName"]].take_target(target)
            return float(answer.get("LastRuleModification") or 0) > self._fetched
        except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
            return True  # fetching the rules will say what is wrong


class Proxy:
    """The collector's X-Ray proxy, asked by plain http.client: no instrumentation makes spans of it."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address if "//" in address else f"//{address}")
        self.address = f"{parts.hostname or '127.0.0.1'}:{parts.port or 2000}"

    def rules(self) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        token = None
        for _ in range(MAX_PAGES):
            answer = self.call("/GetSamplingRules", {"NextToken": token} if token else {})
            records += answer["SamplingRuleRecords"]
            token = answer.get("NextToken")
            if not token:
                break
        return records

    def call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.address, timeout=CALL_SECONDS)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
            if response.status != 200:
                raise ValueError(f"it answered {response.status}")
            answer = json.loads(content)
            if not isinstance(answer, dict):
                raise ValueError("it answered no object")
            return answer
        finally:
            connection.close()


def asked_of(service: str, attributes: Attributes) -> Asked:
    """What the instrumentation says of a request, in its new words or its old ones."""
    known = attributes or {}
    host = str(known.get("server.address") or known.get("http.server_name") or "")
    port = known.get("server.port") or known.get("net.host.port")
    with_port = f"{host}:{port}" if host and port else ""
    named = str(known.get("http.host") or "")
    return Asked(
        service=service,
        method=str(known.get("http.request.method") or known.get("http.method") or ""),
        path=str(known.get("url.path") or known.get("http.target") or "").partition("?")[0],
        hosts=tuple(name for name in (host, with_port, named) if name),
        attributes=known,
    )
