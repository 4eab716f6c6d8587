"""PutTraceSegments: takes or refuses each document; what was taken is on disk before the answer."""

import threading
import time
from typing import Any

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.store import Store
from threemaps.standins.xray.segments import RefusedError, Row, rows_of

MAX_DOCUMENTS = 50


class Ingest:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[list[Row]] = []

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
            self.commit(rows)
        return {"UnprocessedTraceSegments": unprocessed}

    def commit(self, rows: list[Row]) -> None:
        """Writes the rows with those of all calls that wait: a commit costs far more than a row."""
        with self._lock:
            self._waiting.append(rows)
        with self._turn:
            with self._lock:
                if not any(batch is rows for batch in self._waiting):
                    return  # written by the call before
                batches, self._waiting = self._waiting, []
            try:
                self._write([row for batch in batches for row in batch])
            except BaseException:
                with self._lock:
                    self._waiting = [batch for batch in batches if batch is not rows] + self._waiting
                raise

    def _write(self, rows: list[Row]) -> None:
        # Half the price of Store.append for the few rows that a call has.
        with self._store.transaction() as cursor:
            appender = cursor.appender("xray_entities", columns=list(Row._fields))
            appender.append_rows(rows)
            appender.flush()
