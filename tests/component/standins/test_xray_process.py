"""The local AWS as a process: what it acknowledged outlives a kill -9; an older file does not stop it."""

import random
import signal
from pathlib import Path

import duckdb
import orjson

from tests.component.standins.process import StandinProcess
from tests.system.trees import SERVER, Forest, request_of
from tests.unit.standins.aws_shapes import aws_client
from tests.unit.standins.xray.documents import NOW, edges_of, new_trace, segment, window
from tests.unit.standins.xray.test_otlp import post


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    standin = StandinProcess("aws", tmp_path)
    xray = aws_client("xray", standin.url, parse=orjson.loads)
    with standin.running() as process:
        xray.create_group(GroupName="all")
        for _ in range(20):
            texts = [orjson.dumps(segment(new_trace(), "front")).decode() for _ in range(50)]
            xray.put_trace_segments(TraceSegmentDocuments=texts)
        forest = Forest(random.Random(1), [])
        for _ in range(1_000):
            forest.span(random.randbytes(16), "spans", SERVER, b"", int(NOW) * 10**9, 1)
        assert post(standin.url, request_of(forest.spans)).ok
        process.send_signal(signal.SIGKILL)
        process.wait()
    with standin.running():
        assert edges_of(xray.get_service_graph(**window())["Services"]) == {
            ("front", "client", "front", ""): 1000,
            ("spans", "client", "spans", ""): 1000,
        }
        assert [group["GroupName"] for group in xray.get_groups()["Groups"]] == ["Default", "all"]


def test_a_file_from_before_the_table_of_spans(tmp_path: Path) -> None:
    """It has segments in another table, which nobody reads any more and which is trimmed like the others."""
    (tmp_path / "data").mkdir()
    with duckdb.connect(str(tmp_path / "data" / "aws.duckdb")) as older:
        older.execute("CREATE TABLE xray_entities (id UBIGINT, stored_at BIGINT DEFAULT epoch_ms(now()))")
        older.execute("INSERT INTO xray_entities (id) VALUES (1)")
    standin = StandinProcess("aws", tmp_path)
    xray = aws_client("xray", standin.url, parse=orjson.loads)
    with standin.running():
        document = orjson.dumps(segment(new_trace(), "front")).decode()
        xray.put_trace_segments(TraceSegmentDocuments=[document])
        assert edges_of(xray.get_service_graph(**window())["Services"]) == {
            ("front", "client", "front", ""): 1
        }
