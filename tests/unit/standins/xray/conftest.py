"""A real server with X-Ray behind it, a real client, and segments to send."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.conftest import Serve
from tests.unit.standins.aws_shapes import aws_client
from threemaps.standins import aws
from threemaps.standins.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "aws.duckdb", aws.SCHEMA)
    yield store
    store.close()


@pytest.fixture
def url(serve: Serve, store: Store) -> str:
    return serve(aws.create_app(store))


@pytest.fixture
def xray(url: str) -> Any:
    return aws_client("xray", url, parse=orjson.loads)


Send = Callable[..., None]


@pytest.fixture
def send(xray: Any) -> Send:
    """Sends documents in one call; all of them are taken."""

    def send(*documents: dict[str, Any]) -> None:
        texts = [orjson.dumps(document).decode() for document in documents]
        answer = xray.put_trace_segments(TraceSegmentDocuments=texts)
        assert answer["UnprocessedTraceSegments"] == []

    return send
