"""X-Ray as a process: what it acknowledged outlives a kill -9."""

import signal
from pathlib import Path

import orjson

from tests.component.standins.process import StandinProcess
from tests.unit.standins.aws_shapes import aws_client
from tests.unit.standins.xray.documents import edges_of, new_trace, segment, window


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    standin = StandinProcess("aws", tmp_path)
    xray = aws_client("xray", standin.url, parse=orjson.loads)
    with standin.running() as process:
        xray.create_group(GroupName="all")
        for _ in range(20):
            texts = [orjson.dumps(segment(new_trace(), "front")).decode() for _ in range(50)]
            xray.put_trace_segments(TraceSegmentDocuments=texts)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with standin.running():
        assert edges_of(xray.get_service_graph(**window())["Services"]) == {
            ("front", "client", "front", ""): 1000
        }
        assert [group["GroupName"] for group in xray.get_groups()["Groups"]] == ["Default", "all"]
