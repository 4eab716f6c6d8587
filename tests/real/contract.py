"""What is asked of a stand-in and of its vendor, each answer in a few words that can be compared."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from tests.real.traffic import CALLS, Traffic
from threemaps.errors import UserError
from threemaps.model.difference import Window
from threemaps.model.servicemap import ServiceMap
from threemaps.readers import open_backend
from threemaps.readers.aws import aws_client
from threemaps.readers.batch import batch_get_traces
from threemaps.settings import LOCAL_INGEST_KEY, Settings

PROTOBUF = "application/x-protobuf"
SIGNED_FOR = {"xray": "xray", "logs": "logs", "monitoring": "monitoring"}
STREAM = "collector"


@dataclass(frozen=True)
class Account:
    """A stand-in or a real account; `patience` is how long it may lag, in seconds."""

    settings: Settings
    traffic: Traffic
    started: datetime
    patience: float

    def client(self, service: str) -> Any:
        return aws_client(self.settings, service)

    @property
    def window(self) -> Window:
        start = self.started.replace(second=0, microsecond=0)
        return Window(start, datetime.now(UTC) + timedelta(minutes=1))

    def until(self, told: Callable[[], str], is_whole: Callable[[str], bool] = bool) -> str:
        """What is told once it is whole, or the last of it, or "nothing"."""
        deadline = time.monotonic() + self.patience
        while True:
            said = told()
            if is_whole(said) or time.monotonic() > deadline:
                return said or "nothing"
            time.sleep(min(15.0, self.patience / 20))

    def post(self, service: str, path: str, body: bytes, **headers: str) -> str:
        """To an OTLP endpoint of AWS, signed."""
        client = self.client({"monitoring": "cloudwatch"}.get(service, service))
        url = client.meta.endpoint_url.rstrip("/") + path
        sent = {
            "Content-Type": PROTOBUF,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        request = AWSRequest("POST", url, data=body, headers=sent)
        SigV4Auth(client._get_credentials(), service, self.settings.aws_region).add_auth(request)
        answer = requests.post(url, data=body, headers=dict(request.headers), timeout=60)
        return str(answer.status_code)


@dataclass(frozen=True)
class Operation:
    name: str
    vendor: str  # aws, honeycomb
    ask: Callable[[Account], str]


def sends_spans(account: Account) -> str:
    return account.post("xray", "/v1/traces", account.traffic.traces())


def sends_too_many_spans(account: Account) -> str:
    return account.post("xray", "/v1/traces", account.traffic.too_many())


def sends_logs_to_nowhere(account: Account) -> str:
    where = {"x_aws_log_group": f"{account.traffic.log_group}-none", "x_aws_log_stream": STREAM}
    return account.post("logs", "/v1/logs", account.traffic.logs(), **where)


def sends_logs(account: Account) -> str:
    where = {"x_aws_log_group": account.traffic.log_group, "x_aws_log_stream": STREAM}
    return account.post("logs", "/v1/logs", account.traffic.logs(), **where)


def reads_logs(account: Account) -> str:
    def told() -> str:
        found = account.client("logs").filter_log_events(logGroupName=account.traffic.log_group)["events"]
        return f"{len(found)} events" if found else ""

    return account.until(told)


def sends_metrics(account: Account) -> str:
    return account.post("monitoring", "/v1/metrics", account.traffic.metrics())


def lists_traces(account: Account) -> str:
    def told() -> str:
        found = account.client("xray").get_trace_summaries(
            StartTime=account.window.start,
            EndTime=account.window.end,
            FilterExpression=f'service("{account.traffic.caller}")',
        )["TraceSummaries"]
        traces = batch_get_traces(account.client("xray"), account.settings, [one["Id"] for one in found])
        return (
            f"{sum(len(one['Segments']) for one in traces)} documents in {len(traces)} traces"
            if traces
            else ""
        )

    return account.until(told)


def reads(backend: str, account: Account) -> str:
    """The map of these two services, as `threemaps compare` reads it."""
    reader = open_backend(backend, account.settings)

    def told() -> str:
        found = reader.read_map(account.window, f"*{account.traffic.mark}*")
        return drawn(found, account.traffic)

    edges = 1 if backend == "honeycomb" else 2  # Honeycomb draws no caller from outside
    return account.until(told, lambda said: said.count(f" {CALLS}/") == edges)


def lists_services(account: Account) -> str:
    """The rows' sets of dimensions, and whether host:port is joined to its service."""
    signals = account.client("application-signals")
    key = {"Type": "Service", "Name": account.traffic.caller, "Environment": "generic:default"}
    hours = {
        "StartTime": account.started.replace(minute=0, second=0, microsecond=0),
        "EndTime": account.started.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1),
    }

    def told() -> str:
        rows = signals.list_service_dependencies(KeyAttributes=key, **hours)["ServiceDependencies"]
        return "; ".join(sorted({row_of(row, account.traffic) for row in rows}))

    return account.until(told)


def row_of(row: Any, traffic: Traffic) -> str:
    called = row["DependencyKeyAttributes"]
    name = str(called.get("Name")).replace(traffic.mark, "*")
    sets = {"+".join(sorted(d["Name"] for d in one.get("Dimensions", []))) for one in row["MetricReferences"]}
    return f"{called.get('Type')} {name} by {', '.join(sorted(sets))}"


def drawn(found: ServiceMap, traffic: Traffic) -> str:
    edges = (f"{one.source} > {one.target} {one.requests}/{one.errors}" for one in found.edges)
    return "; ".join(one.replace(traffic.mark, "*") for one in edges)


def sends_to_honeycomb(account: Account) -> str:
    settings = account.settings
    key = settings.get("HONEYCOMB_API_KEY") if settings.honeycomb_is_real else LOCAL_INGEST_KEY
    answer = requests.post(
        f"{settings.honeycomb_api}/v1/traces",
        data=account.traffic.traces(),
        headers={"Content-Type": PROTOBUF, "x-honeycomb-team": key},
        timeout=60,
    )
    return str(answer.status_code)


OPERATIONS = (
    Operation("spans to X-Ray's OTLP endpoint", "aws", sends_spans),
    Operation("10,001 spans in one call", "aws", sends_too_many_spans),
    Operation("log records to a group that is not there", "aws", sends_logs_to_nowhere),
    Operation("log records to CloudWatch Logs' OTLP endpoint", "aws", sends_logs),
    Operation("FilterLogEvents", "aws", reads_logs),
    Operation("a point to CloudWatch's OTLP endpoint", "aws", sends_metrics),
    Operation("GetTraceSummaries, BatchGetTraces", "aws", lists_traces),
    Operation("X-Ray's map", "aws", lambda account: reads("xray", account)),
    Operation("ListServiceDependencies: type, name, dimensions", "aws", lists_services),
    Operation("CloudWatch's map", "aws", lambda account: reads("cloudwatch", account)),
    Operation("spans to Honeycomb", "honeycomb", sends_to_honeycomb),
    Operation("Honeycomb's map", "honeycomb", lambda account: reads("honeycomb", account)),
)


def asked(operation: Operation, account: Account) -> str:
    """The answer, or what went wrong, without what only this run has."""
    try:
        return operation.ask(account)
    except UserError as error:
        return error.message.replace(account.traffic.mark, "*")[:120]
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace(account.traffic.mark, "*")[:120]


@contextmanager
def a_log_group(account: Account) -> Iterator[None]:
    """Made, and deleted again."""
    logs = account.client("logs")
    name = account.traffic.log_group
    logs.create_log_group(logGroupName=name)
    try:
        logs.put_retention_policy(logGroupName=name, retentionInDays=1)
        logs.create_log_stream(logGroupName=name, logStreamName=STREAM)
        yield
    finally:
        logs.delete_log_group(logGroupName=name)
