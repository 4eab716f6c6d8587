"""BatchGetTraces: whole traces, however their parts were sent."""

from typing import Any

import orjson
import pytest

from tests.unit.standins.xray.conftest import Send
from tests.unit.standins.xray.documents import (
    NOW,
    Document,
    edges_of,
    embedded,
    new_trace,
    segment,
    subsegment,
)


def documents_of(xray: Any, trace: str) -> list[Document]:
    answer = xray.batch_get_traces(TraceIds=[trace])
    assert answer["UnprocessedTraceIds"] == []
    (found,) = answer["Traces"]
    assert found["Id"] == trace
    documents = [orjson.loads(part["Document"]) for part in found["Segments"]]
    assert [part["Id"] for part in found["Segments"]] == [document["id"] for document in documents]
    return documents


def test_one_document_a_segment_with_its_subsegments_folded_in(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front", subsegments=[embedded("work", "")])
    call = subsegment(trace, "back:80", front["subsegments"][0]["id"])
    back = segment(trace, "back", call["id"])
    send(call)
    send(back)
    send(front)
    first, second = sorted(documents_of(xray, trace), key=lambda document: str(document["name"]))
    assert first == back
    (work,) = second["subsegments"]
    (folded,) = work["subsegments"]
    assert folded == call
    assert second["trace_id"] == trace


def test_a_callee_without_segments_is_inferred(xray: Any, send: Send) -> None:
    trace = new_trace()
    http = {"request": {"url": "http://down/", "method": "GET"}, "response": {"status": 503}}
    remote = embedded("down:80", fault=True, http=http)
    table = embedded("DynamoDB", "aws", aws={"table_name": "scores"})
    front = segment(trace, "front", subsegments=[remote, table])
    send(front)
    documents = documents_of(xray, trace)
    assert "inferred" not in documents[0]
    down, scores = documents[1:]
    assert (down["inferred"], down["parent_id"], down["name"]) == (True, remote["id"], "down:80")
    assert (down["http"], down["fault"], down["trace_id"]) == (http, True, trace)
    assert (down["start_time"], down["end_time"]) == (remote["start_time"], remote["end_time"])
    assert "origin" not in down
    assert (scores["parent_id"], scores["origin"]) == (table["id"], "AWS::DynamoDB::Table")
    assert documents_of(xray, trace) == documents


def test_the_complete_one_stands_for_both(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front", user="ada")
    started = {key: value for key, value in front.items() if key not in ("end_time", "user")}
    call = embedded("back:80")
    calling = {key: value for key, value in call.items() if key != "end_time"} | {"in_progress": True}
    send(started | {"in_progress": True, "subsegments": [calling]})
    assert documents_of(xray, trace)[0]["in_progress"] is True
    send(front, call | {"trace_id": trace, "type": "subsegment", "parent_id": front["id"]})
    send(started | {"in_progress": True, "subsegments": [calling]})
    document = documents_of(xray, trace)[0]
    assert (document["user"], document["end_time"]) == ("ada", front["end_time"])
    assert "in_progress" not in document
    (folded,) = document["subsegments"]
    assert folded["end_time"] == call["end_time"]


def test_subsegments_without_a_segment_stand_alone(xray: Any, send: Send) -> None:
    trace = new_trace()
    lost = subsegment(trace, "lost", "e" * 16, subsegments=[embedded("below")])
    first, second = subsegment(trace, "a", "0" * 16), subsegment(trace, "b", "0" * 16)
    first["parent_id"], second["parent_id"] = second["id"], first["id"]
    send(lost, first, second)
    whole = [document for document in documents_of(xray, trace) if "inferred" not in document]
    assert [document["name"] for document in whole] == ["lost", "a"]
    assert [inner["name"] for document in whole for inner in document["subsegments"]] == ["below", "b"]


def test_a_chain_too_deep_for_json_writers_comes_in_pieces(xray: Any, send: Send) -> None:
    trace = new_trace()
    chain = [segment(trace, "front")]
    for _ in range(700):
        chain.append(subsegment(trace, "work", chain[-1]["id"], namespace=""))
    for start in range(0, len(chain), 50):
        send(*chain[start : start + 50])
    found = []
    waiting = documents_of(xray, trace)
    while waiting:
        document = waiting.pop()
        found.append(document["id"])
        waiting += document.get("subsegments", [])
    assert sorted(found) == sorted(document["id"] for document in chain)


def test_subsegments_may_be_nested_as_deep_as_a_document_has_room(xray: Any, send: Send) -> None:
    trace = new_trace()
    inner = embedded("far.example")
    for _ in range(110):
        inner = embedded("work", "", subsegments=[inner])
    send(segment(trace, "front", subsegments=[inner]))
    services = xray.get_trace_graph(TraceIds=[trace])["Services"]
    assert edges_of(services)["front", "", "far.example", "remote"] == 1
    parents, waiting = {}, documents_of(xray, trace)
    while waiting:
        document = waiting.pop()
        below = document.get("subsegments", [])
        parents |= {document["id"]: document["parent_id"]} if "parent_id" in document else {}
        parents |= {part["id"]: document["id"] for part in below}
        waiting += below
    assert len(parents) == 112  # those of the document, and the callee


def test_several_traces_and_unknown_ones(xray: Any, send: Send) -> None:
    first, second, unknown = new_trace(), new_trace(), new_trace()
    send(segment(first, "front", took=0.25), segment(second, "front"), segment(second, "back", at=1.5))
    answer = xray.batch_get_traces(TraceIds=[second, unknown, first, "no-trace-id"])
    assert [(trace["Id"], trace["Duration"]) for trace in answer["Traces"]] == [
        (second, pytest.approx(1.6)),
        (first, pytest.approx(0.25)),
    ]
    assert answer["UnprocessedTraceIds"] == [unknown, "no-trace-id"]
    assert all(trace["LimitExceeded"] is False for trace in answer["Traces"])


def test_five_traces_a_call(xray: Any) -> None:
    with pytest.raises(xray.exceptions.InvalidRequestException, match="6 ids, more than 5"):
        xray.batch_get_traces(TraceIds=[new_trace(NOW + i) for i in range(6)])
