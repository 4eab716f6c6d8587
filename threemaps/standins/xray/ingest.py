"""PutTraceSegments: takes or refuses each document; what was taken is on disk before the answer."""

import time
from typing import Any

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.encoding import encode_rows
from threemaps.standins.store import Store
from threemaps.standins.xray.segments import RefusedError, Row, rows_of

MAX_DOCUMENTS = 50


class Ingest:
    def __init__(self, store: Store) -> None:
        self._store = store

    def put_trace_segments(self, request: dict[str, Any]) -> dict[str, Any]:
        documents = request.get("TraceSegmentDocuments")
        if not isinstance(documents, list) or not all(isinstance(document, str) for document in documents):
            raise AwsError("InvalidRequestException", "TraceSegmentDocuments must be a list of strings")
        if len(documents) > MAX_DOCUMENTS:
            raise AwsError("InvalidRequestException", f"Exceeding maximum segment count: {MAX_DOCUMENTS}")
        rows: list[Row] = []
        unprocessed = []
        received = time.time_ns()
        for number, document in enumerate(documents):
            try:
                rows.extend(rows_of(document, received + number))
            except RefusedError as refusal:
                unprocessed.append(refusal.to_json())
        if rows:
            self._commit(rows)
        return {"UnprocessedTraceSegments": unprocessed}

    def _commit(self, rows: list[Row]) -> None:
        """Returns when they survive a crash."""
        columns = dict(zip(Row._fields, zip(*rows, strict=True), strict=True))
        self._store.take("spans", encode_rows(columns, bulk="document"))
