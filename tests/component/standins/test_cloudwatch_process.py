"""CloudWatch as a process: what was acknowledged outlives a kill -9, and no sequence number comes twice."""

import signal
from pathlib import Path

from tests.component.standins.process import StandinProcess
from tests.unit.standins.aws_shapes import aws_client
from tests.unit.standins.cloudwatch.conftest import events, make_stream, now_ms
from tests.unit.standins.cloudwatch.test_metrics import EDGE, RANGE, put


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    standin = StandinProcess("aws", tmp_path)
    logs, metrics = aws_client("logs", standin.url), aws_client("cloudwatch", standin.url)
    with standin.running() as process:
        group, stream = make_stream(logs)
        start = now_ms() - 60_000
        for _ in range(20):
            batch = events(start, *["an event"] * 50)
            put(metrics, *[{"Value": 1, "Timestamp": RANGE["StartTime"]}] * 50)
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)
        metrics.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1}])
        metrics.put_dashboard(DashboardName="maps", DashboardBody='{"widgets": []}')
        query = logs.start_query(logGroupName=group, startTime=0, endTime=now_ms(), queryString="fields a")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with standin.running():
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events(start, "one more"))
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
