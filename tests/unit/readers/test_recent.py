"""Lists of traces, read from the local X-Ray: what failed inside a trace whose root answered well."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.unit.readers.conftest import WINDOW, LocalAws
from tests.unit.standins.aws_shapes import aws_client
from tests.unit.standins.xray.documents import new_trace, segment, subsegment
from threemaps.readers.recent import filter_of, recent_traces
from threemaps.settings import Settings

Documents = list[dict[str, Any]]


@pytest.fixture
def put(local_aws: LocalAws) -> Callable[[Documents], Settings]:
    settings = local_aws()
    client = aws_client("xray", settings.url("aws"), parse=orjson.loads)

    def send(documents: Documents) -> Settings:
        texts = [orjson.dumps(one).decode() for one in documents]
        assert client.put_trace_segments(TraceSegmentDocuments=texts)["UnprocessedTraceSegments"] == []
        return settings

    return send


def coped(fault: bool) -> Documents:
    """A caller that answers well, whatever the service that it calls does."""
    trace = new_trace()
    web = segment(trace, "web")
    call = subsegment(trace, "shop", web["id"], fault=fault)
    return [web, call, segment(trace, "shop", call["id"], fault=fault)]


def failing(settings: Settings, service: str = "") -> list[tuple[str, ...]]:
    wanted = filter_of(settings, WINDOW, service, failing=True)
    return [one.failed_in for one in recent_traces(settings, WINDOW, wanted, "failing")]


@pytest.mark.parametrize("service", ["", "shop"])
def test_failures_behind_a_caller_that_copes_are_listed(
    put: Callable[[Documents], Settings], service: str
) -> None:
    put(coped(fault=False))
    assert failing(put(coped(fault=True)), service) == [("shop", "web")]


def test_a_callee_without_segments_that_fails_is_listed(put: Callable[[Documents], Settings]) -> None:
    trace = new_trace()
    web = segment(trace, "web")
    assert failing(put([web, subsegment(trace, "db", web["id"], fault=True)])) == [("web",)]


def test_where_nothing_fails_nothing_is_listed(put: Callable[[Documents], Settings]) -> None:
    settings = put(coped(fault=False))
    assert failing(settings) == []
    assert [one.failed for one in recent_traces(settings, WINDOW)] == [False]
