"""PutTraceSegments: what is taken, and what is refused with which words."""

from typing import Any

import orjson
import pytest

from tests.unit.standins.xray.documents import (
    NOW,
    Document,
    edges_of,
    embedded,
    new_trace,
    segment,
    subsegment,
    window,
)


def put(xray: Any, *documents: Document | str) -> list[dict[str, Any]]:
    texts = [text if isinstance(text, str) else orjson.dumps(text).decode() for text in documents]
    refused: list[dict[str, Any]] = xray.put_trace_segments(TraceSegmentDocuments=texts)[
        "UnprocessedTraceSegments"
    ]
    return refused


def without(document: Document, *fields: str) -> Document:
    return {key: value for key, value in document.items() if key not in fields}


GOOD = segment(new_trace(), "front")
CALL = subsegment(new_trace(), "back:80", "a" * 16)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (without(GOOD, "id"), "MissingId"),
        (GOOD | {"id": "not-hex-not-hex!"}, "InvalidId"),
        (GOOD | {"id": "abc"}, "InvalidId"),
        (GOOD | {"id": 17}, "InvalidId"),
        (without(GOOD, "trace_id"), "MissingTraceId"),
        (GOOD | {"trace_id": "4efaaf4d1e8720b39541901950019ee5"}, "InvalidTraceId"),
        (GOOD | {"trace_id": "1-4efaaf4d-1e8720b39541901950019eeg"}, "InvalidTraceId"),
        (GOOD | {"trace_id": "2-4efaaf4d-1e8720b39541901950019ee5"}, "InvalidTraceId"),
        (GOOD | {"trace_id": ["1"]}, "InvalidTraceId"),
        (without(GOOD, "name"), "MissingName"),
        (GOOD | {"name": "what?"}, "InvalidName"),
        (GOOD | {"name": "n" * 201}, "InvalidName"),
        (GOOD | {"name": {"a": 1}}, "InvalidName"),
        (without(GOOD, "start_time"), "MissingStartTime"),
        (GOOD | {"start_time": "now"}, "InvalidStartTime"),
        (GOOD | {"start_time": True}, "InvalidStartTime"),
        (GOOD | {"start_time": NOW * 1000}, "InvalidStartTime"),
        (GOOD | {"start_time": -1}, "InvalidStartTime"),
        (without(GOOD, "end_time"), "MissingEndTime"),
        (GOOD | {"end_time": NOW - 1}, "InvalidEndTime"),
        (GOOD | {"parent_id": "xyz"}, "InvalidParentId"),
        (GOOD | {"subsegments": {"id": 1}}, "InvalidSubsegments"),
        (GOOD | {"subsegments": [1]}, "InvalidSubsegments"),
        (without(CALL, "parent_id"), "MissingParentId"),
        (CALL | {"name": "(back)"}, "InvalidName"),
        (GOOD | {"subsegments": [embedded("a<b")]}, "InvalidName"),
        (GOOD | {"subsegments": [without(embedded("ab"), "id")]}, "MissingId"),
    ],
)
def test_refused(xray: Any, document: Document, code: str) -> None:
    (refusal,) = put(xray, document)
    assert refusal["ErrorCode"] == code
    assert f"ErrorCode: {code}" in refusal["Message"]
    assert refusal.get("Id") == (document["id"] if isinstance(document.get("id"), str) else None)


def test_the_messages_are_those_of_xray(xray: Any) -> None:
    refused = put(xray, "[]", CALL | {"name": "a?b"})
    assert refused == [
        {"ErrorCode": "MissingId", "Message": "Invalid segment. ErrorCode: MissingId"},
        {
            "Id": CALL["id"],
            "ErrorCode": "InvalidName",
            "Message": "Invalid subsegment. ErrorCode: InvalidName, Cause: null",
        },
    ]


@pytest.mark.parametrize("text", ["", "{", "nonsense", '{"id": NaN}', '{"a":' * 5000 + "1" + "}" * 5000])
def test_no_json(xray: Any, text: str) -> None:
    (refusal,) = put(xray, text)
    assert refusal["ErrorCode"] == "ParseError"


def test_deep_json_is_refused_and_deep_brackets_in_a_text_are_not(xray: Any) -> None:
    deep: Any = 1
    for _ in range(150):
        deep = {"a": deep}
    good = segment(new_trace(), "front", metadata={"default": {"text": '[{"\\"' * 100}})
    (refusal,) = put(xray, good, GOOD | {"metadata": deep})
    assert (refusal["ErrorCode"], refusal["Id"]) == ("ParseError", GOOD["id"])


@pytest.mark.parametrize(
    "name", ["n" * 200, "Bücher Über_1", "a.b:c/d%e&f#g=h+i\\j-k@l", "127.0.0.1:8080", "日本"]
)
def test_good_names(xray: Any, name: str) -> None:
    assert put(xray, segment(new_trace(), name)) == []


def test_empty_texts_are_none(xray: Any) -> None:
    """As the collector's exporter sends them."""
    empty = {"parent_id": "", "type": "", "namespace": "", "origin": "", "user": ""}
    assert put(xray, segment(new_trace(), "front") | empty) == []
    assert edges_of(xray.get_service_graph(**window())["Services"]) == {("front", "client", "front", ""): 1}


def test_the_good_ones_of_a_call_are_kept(xray: Any) -> None:
    trace = new_trace()
    front = segment(trace, "front")
    refused = put(xray, front | {"id": "zz"}, front, "{", segment(trace, "back", front["id"]))
    assert [refusal["ErrorCode"] for refusal in refused] == ["InvalidId", "ParseError"]
    assert edges_of(xray.get_service_graph(**window())["Services"]) == {
        ("front", "client", "front", ""): 1,
        ("front", "", "back", ""): 1,
    }


def test_documents_of_64_kb_and_no_more(xray: Any) -> None:
    document = segment(new_trace(), "front", metadata={"default": {"filling": ""}})
    room = 65_536 - len(orjson.dumps(document))
    document["metadata"]["default"]["filling"] = "x" * room
    assert put(xray, document) == []
    document["metadata"]["default"]["filling"] = "ü" * (room // 2) + "xx"
    (refusal,) = put(xray, document)
    assert refusal["Id"] == document["id"]
    assert "larger than 65536 bytes" in refusal["Message"]


def test_fifty_documents_and_no_more(xray: Any) -> None:
    documents = [orjson.dumps(segment(new_trace(), "front")).decode() for _ in range(51)]
    assert xray.put_trace_segments(TraceSegmentDocuments=documents[:50])["UnprocessedTraceSegments"] == []
    with pytest.raises(xray.exceptions.InvalidRequestException, match="Exceeding maximum segment count: 50"):
        xray.put_trace_segments(TraceSegmentDocuments=documents)
    drawn = edges_of(xray.get_service_graph(**window())["Services"])
    assert drawn == {("front", "client", "front", ""): 50}


def test_old_segments_are_taken(xray: Any) -> None:
    """As in the examples of the developer guide, from 2016."""
    document = {
        "name": "example.com",
        "id": "70de5b6f19ff9a0a",
        "start_time": 1.478293361271e9,
        "trace_id": "1-581cf771-a006649127e371903a2de979",
        "end_time": 1.478293361449e9,
    }
    assert put(xray, document) == []
    (trace,) = xray.batch_get_traces(TraceIds=[document["trace_id"]])["Traces"]
    assert trace["Duration"] == pytest.approx(0.178)


def test_telemetry_is_taken(xray: Any) -> None:
    record = {"Timestamp": NOW, "SegmentsReceivedCount": 3, "BackendConnectionErrors": {"TimeoutCount": 1}}
    assert xray.put_telemetry_records(TelemetryRecords=[record])["ResponseMetadata"]["HTTPStatusCode"] == 200
