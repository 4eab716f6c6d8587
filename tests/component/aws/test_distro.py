"""AWS's own distro as judge: its metrics of some traffic, and ours, derived from the same spans."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from tests.component.aws.recorded import Figures, Key, Recorder
from tests.conftest import Serve
from tests.foreign import DISTRO
from tests.running import clean_environment, free_ports
from tests.unit.standins.aws_shapes import aws_client
from tests.unit.standins.signed import post
from threemaps.demo.health import answers, wait_until
from threemaps.standins import aws
from threemaps.standins.store import Store

APP = Path(__file__).with_name("distro_app.py")
REQUESTS = ("buy/200", "buy/200", "buy/404", "buy/500", "twice/200", "twice/503", "job")
# Each makes these spans: two servers and a client, work inside, a call that fails.
SPANS = 4 * 5 + 2 * 4 + 4
DEAD = "http://127.0.0.1:1"


@contextmanager
def service(name: str, port: int, told: str, **more: str) -> Iterator[None]:
    environ = {
        **clean_environment(),
        "OTEL_PYTHON_DISTRO": "aws_distro",
        "OTEL_PYTHON_CONFIGURATOR": "aws_configurator",
        "OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "true",
        "OTEL_AWS_APPLICATION_SIGNALS_RUNTIME_ENABLED": "false",
        "OTEL_AWS_APPLICATION_SIGNALS_EXPORTER_ENDPOINT": f"{told}/v1/metrics",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{told}/v1/traces",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_TRACES_SAMPLER": "always_on",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_SERVICE_NAME": name,
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_PYTHON_EXCLUDED_URLS": "/healthz",
        **more,
    }
    command = [DISTRO.path("bin", "opentelemetry-instrument"), DISTRO.path("bin", "python"), APP, str(port)]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz") or process.poll() is not None, 60)
        assert process.poll() is None, (process.stderr.read() if process.stderr else b"").decode()
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def traffic(serve: Serve, **more: str) -> tuple[Recorder, str]:
    """What the distro recorded of it, and the callee's address."""
    recorder, (front, back) = Recorder(), free_ports(2)
    told = serve(recorder)
    callee = f"127.0.0.1:{back}"
    with ExitStack() as running:
        running.enter_context(service("bank", back, told, **more))
        environ = {"CALLEE": f"http://{callee}", "DEAD": DEAD, **more}
        running.enter_context(service("shop", front, told, **environ))
        for path in REQUESTS:
            requests.get(f"http://127.0.0.1:{front}/{path}", timeout=30)
        recorder.wait(lambda one: one.spans() >= SPANS)
        recorder.wait(lambda one: sum(calls for calls, _, _ in one.figures().values()) >= 24)
    return recorder, callee


def without_aws(recorder: Recorder) -> Iterator[bytes]:
    """The spans as they would be without the distro: its attributes would be an answer."""
    for message in recorder.traces:
        for one in message.resource_spans:
            for scope in one.scope_spans:
                for span in scope.spans:
                    kept = [pair for pair in span.attributes if not pair.key.startswith("aws.")]
                    del span.attributes[:]
                    span.attributes.extend(kept)
        yield message.SerializeToString()


def derived(url: str) -> Figures:
    """The same figures out of Application Signals, by the metric references of its answers."""
    signals, metrics = (
        aws_client("application-signals", url, parse=orjson.loads),
        aws_client("cloudwatch", url),
    )
    now = datetime.now(UTC)
    window: dict[str, Any] = {"StartTime": now - timedelta(hours=1), "EndTime": now + timedelta(minutes=1)}
    found: Figures = {}
    for summary in signals.list_services(**window)["ServiceSummaries"]:
        key = summary["KeyAttributes"]
        assert key["Environment"] == "test"
        operations = signals.list_service_operations(KeyAttributes=key, **window)["ServiceOperations"]
        for one in operations:
            found[key["Name"], one["Name"]] = figures(metrics, one["MetricReferences"], window)
        for one in signals.list_service_dependencies(KeyAttributes=key, **window)["ServiceDependencies"]:
            callee = one["DependencyKeyAttributes"]["Name"]
            names: Key = (key["Name"], one["OperationName"], callee, one["DependencyOperationName"])
            found[names] = figures(metrics, one["MetricReferences"], window)
    return found


def figures(metrics: Any, references: list[Any], window: dict[str, Any]) -> tuple[int, int, int]:
    asked = {one["MetricName"]: one for one in references}
    queries = [
        {
            "Id": name.lower(),
            "MetricStat": {
                "Metric": {key: asked[name][key] for key in ("Namespace", "MetricName", "Dimensions")},
                "Period": 3600,
                "Stat": stat,
            },
        }
        for name, stat in (("Latency", "SampleCount"), ("Fault", "Sum"), ("Error", "Sum"))
    ]
    results = metrics.get_metric_data(MetricDataQueries=queries, **window)["MetricDataResults"]
    calls, faults, errors = (round(sum(one["Values"])) for one in results)
    return calls, faults, errors


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store(":memory:", aws.SCHEMA)
    yield opened
    opened.close()


def local_aws(serve: Serve, store: Store, names: str) -> str:
    return serve(aws.Aws(store, {**os.environ, "THREEMAPS_AWS_NAMES": names}))


@pytest.mark.long
def test_calls_faults_and_errors_are_those_of_the_distro(serve: Serve, store: Store) -> None:
    recorder, callee = traffic(serve)
    url = local_aws(serve, store, "agent")
    for body in without_aws(recorder):
        assert post(f"{url}/v1/traces", "xray", body).status_code == 200
    theirs = recorder.figures()
    assert theirs["shop", "GET /buy/<int:status>", callee, "GET /pay"] == (4, 1, 1)
    assert derived(url) == theirs


@pytest.mark.long
def test_with_the_stable_conventions_the_distro_knows_no_callee_and_we_do(serve: Serve, store: Store) -> None:
    recorder, callee = traffic(serve, OTEL_SEMCONV_STABILITY_OPT_IN="http")
    theirs = recorder.figures()
    assert {key[2] for key in theirs if len(key) == 4} == {"UnknownRemoteService"}
    assert sum(errors for _, _, errors in theirs.values()) == 0, "a 404 is no error to it any more"
    url = local_aws(serve, store, "agent")
    for body in without_aws(recorder):
        assert post(f"{url}/v1/traces", "xray", body).status_code == 200
    assert derived(url)["shop", "GET /buy/<int:status>", callee, "GET /pay"] == (4, 1, 1)
