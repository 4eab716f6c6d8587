"""Whole traces from X-Ray: ids in either form, five a call, what was left unprocessed asked for again."""

import json as stdlib
from typing import Any

import pytest
from flask import Response

from tests.conftest import Serve
from tests.unit.readers.conftest import Vendor, json, settings_at
from threemaps.readers.aws import aws_client
from threemaps.readers.base import UnreadableError
from threemaps.readers.batch import batch_get_traces, plain_id, xray_id

IDS = [f"{number:032x}" for number in range(1, 8)]


class Traces:
    """Answers as X-Ray does; the first `reluctant` times it leaves the last id unprocessed."""

    def __init__(self, reluctant: int = 0, lacks: str = "") -> None:
        self.asked: list[list[str]] = []
        self.reluctant = reluctant
        self.lacks = lacks

    def __call__(self, body: bytes) -> dict[str, Any]:
        ids = stdlib.loads(body)["TraceIds"]
        self.asked.append(ids)
        kept = ids[:-1] if self.reluctant else ids
        self.reluctant -= bool(self.reluctant)
        held = [{"Id": one, "Segments": []} for one in kept if one != self.lacks]
        return {"Traces": held, "UnprocessedTraceIds": ids[len(kept) :]}


def read(
    serve: Serve, traces: Traces, monkeypatch: pytest.MonkeyPatch, *, may_lack: bool = False
) -> list[str]:
    monkeypatch.setattr("threemaps.readers.batch.PAUSE", 0.0)
    vendor = Vendor()
    vendor.answers = [lambda: Response(stdlib.dumps(traces(vendor.requests[-1][2])))]
    settings = settings_at(serve(vendor.app))
    found = batch_get_traces(aws_client(settings, "xray"), settings, IDS, may_lack=may_lack)
    return [trace["Id"] for trace in found]


def test_both_forms_of_an_id() -> None:
    assert xray_id(IDS[0]) == "1-00000000-000000000000000000000001" == xray_id(xray_id(IDS[0]))
    assert plain_id(xray_id(IDS[0])) == IDS[0] == plain_id(IDS[0])


def test_five_a_call(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = Traces()
    assert read(serve, traces, monkeypatch) == [xray_id(one) for one in IDS]
    assert [len(ids) for ids in traces.asked] == [5, 2]


def test_unprocessed_ids_are_asked_for_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = Traces(reluctant=3)
    assert sorted(read(serve, traces, monkeypatch)) == [xray_id(one) for one in IDS]
    assert [len(ids) for ids in traces.asked] == [5, 2, 2, 1]


def test_a_trace_that_is_not_held_is_left_out(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(read(serve, Traces(lacks=xray_id(IDS[3])), monkeypatch)) == 6


def test_ids_that_stay_unprocessed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableError, match="left 1 traces unprocessed 5 times"):
        read(serve, Traces(reluctant=99), monkeypatch)


def test_what_it_may_not_hold_is_left_out(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = Traces(reluctant=99)
    assert len(read(serve, traces, monkeypatch, may_lack=True)) == 6
    assert [len(ids) for ids in traces.asked] == [5, 2, 2, 1]


def test_the_pages_of_one_call(serve: Serve) -> None:
    first = {"Traces": [], "NextToken": "more"}
    vendor = Vendor(json(first), json({"Traces": [{"Id": xray_id(IDS[0]), "Segments": []}]}))
    settings = settings_at(serve(vendor.app))
    found = batch_get_traces(aws_client(settings, "xray"), settings, IDS[:1])
    assert [trace["Id"] for trace in found] == [xray_id(IDS[0])]
