"""Large requests: translated in a process beside the stand-in, and here again should that process be gone."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from google.protobuf.message import DecodeError

from tests.collector_process import wait_for
from tests.component.standins.test_process import Standin
from tests.unit.standins.honeycomb.spans import Call, request_of
from threemaps.standins.beside import LARGE_BYTES, Translator
from threemaps.standins.honeycomb.attributes import FieldMemory
from threemaps.standins.honeycomb.rows import EncodedBatch
from threemaps.standins.honeycomb.translate import translate

LARGE = request_of(
    Call("shop", number, name=f"GET /{number}") for number in range(1, 4_001)
).SerializeToString()
SMALL = request_of([Call("shop", 1)]).SerializeToString()


def new_translator() -> Translator[EncodedBatch]:
    return Translator(translate, FieldMemory)


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def test_it_answers_what_would_have_been_answered_here() -> None:
    assert len(LARGE) > LARGE_BYTES
    before = children()
    translator = new_translator()
    assert translator.translate(SMALL, "traces", "") == translate(SMALL, FieldMemory(), "traces", "")
    assert children() == before
    for _ in range(2):
        assert translator.translate(LARGE, "traces", "") == translate(LARGE, FieldMemory(), "traces", "")
    assert len(children() - before) == 1


def test_a_broken_body_is_refused_and_the_next_one_is_taken() -> None:
    translator = new_translator()
    with pytest.raises(DecodeError):
        translator.translate(LARGE + b"\xff", "traces", "")
    assert translator.translate(LARGE, "traces", "").rows is not None


def test_a_killed_process_is_replaced() -> None:
    translator, before = new_translator(), children()
    translator.translate(LARGE, "traces", "")
    (beside,) = children() - before
    os.kill(beside, signal.SIGKILL)
    for _ in range(2):
        assert translator.translate(LARGE, "traces", "") == translate(LARGE, FieldMemory(), "traces", "")
    (another,) = children() - before
    assert another != beside


def test_it_ends_when_it_is_not_needed_and_comes_back_when_it_is() -> None:
    translator, before = new_translator(), children()
    translator.translate(LARGE, "traces", "")
    assert len(children() - before) == 1
    wait_for(lambda: not children() - before)
    for _ in range(2):  # the first may find the pipe closed
        assert translator.translate(LARGE, "traces", "") == translate(LARGE, FieldMemory(), "traces", "")
    assert len(children() - before) == 1


def test_it_ends_with_a_stand_in_that_is_killed(tmp_path: Path) -> None:
    standin = Standin(tmp_path)
    with standin.running() as process:
        calls = [Call("shop", number, start=time.time_ns()) for number in range(1, 4_001)]
        standin.client.send_spans(request_of(calls))
        (beside,) = psutil.Process(process.pid).children()
        process.kill()
    wait_for(lambda: not beside.is_running())
