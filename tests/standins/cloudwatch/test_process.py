"""CloudWatch as a process: what was acknowledged outlives a kill -9, and no sequence number comes twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import free_port
from tests.standins.aws_shapes import aws_client
from tests.standins.cloudwatch.conftest import events, make_stream, now_ms
from tests.standins.cloudwatch.test_metrics import EDGE, RANGE, START, embedded
from tests.standins.xray.test_process import wait_for


@contextmanager
def running(state: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    environment = os.environ | {"THREEMAPS_STATE": str(state), "THREEMAPS_PORT_AWS": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "threemaps.standins", "aws"], env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process)
        yield url, process
    finally:
        process.kill()
        process.wait()


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    with running(tmp_path) as (url, process):
        logs, metrics = aws_client("logs", url), aws_client("cloudwatch", url)
        group, stream = make_stream(logs)
        for number in range(20):
            batch = events(START, *[embedded(1, at=START + number) for _ in range(50)])
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)
        metrics.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1}])
        metrics.put_dashboard(DashboardName="maps", DashboardBody='{"widgets": []}')
        query = logs.start_query(logGroupName=group, startTime=0, endTime=now_ms(), queryString="fields a")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with running(tmp_path) as (url, _):
        logs, metrics = aws_client("logs", url), aws_client("cloudwatch", url)
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events(START, "one more"))
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        found = [event["eventId"] for page in pages for event in page["events"]]
        assert len(set(found)) == len(found) == 1001
        (point,) = metrics.get_metric_statistics(
            Namespace="threemaps", MetricName="calls", Dimensions=EDGE, Period=60, Statistics=["Sum"], **RANGE
        )["Datapoints"]
        assert point["Sum"] == 1000
        assert len(metrics.list_metrics(Namespace="n")["Metrics"]) == 1
        assert metrics.get_dashboard(DashboardName="maps")["DashboardName"] == "maps"
        assert logs.get_query_results(queryId=query["queryId"])["statistics"]["recordsMatched"] == 1000
