"""What vendors, or who stands in between, may answer: every reader refuses it or makes sense of it."""

import functools
import json
import resource
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.component.security.garbage import STAMP, TRACE, Change, Garbage, changed_at
from tests.component.security.inputs import JSON_VALUES, PATIENT, TRIED, examples, refused_or_done
from tests.unit.readers.conftest import settings_at
from threemaps.compare.reading import Reader, Reading
from threemaps.compare.side_by_side import Comparing
from threemaps.doctor import honeycomb_account, vendors
from threemaps.doctor.walk import Walk
from threemaps.model.difference import Window
from threemaps.readers import BACKENDS, UnreadableError, arrivals, open_backend
from threemaps.readers.aws import aws_client
from threemaps.readers.logs import log_lines
from threemaps.readers.over_time import over_time
from threemaps.readers.questions import ask
from threemaps.readers.recent import recent_traces
from threemaps.readers.rollbar import rollbar_errors
from threemaps.readers.rules import groups, sampling_rules
from threemaps.readers.traces import attribute_columns, honeycomb_spans, in_order, xray_spans
from threemaps.readers.transaction_search import destination, indexed_percentage
from threemaps.settings import Settings

pytestmark = PATIENT

MOMENT = datetime.fromtimestamp(STAMP, UTC)
WINDOW = Window(MOMENT - timedelta(minutes=5), MOMENT + timedelta(minutes=5))
TRACE_ID = TRACE.replace("-", "")[1:]
# Each is put to all readers.
SOME = examples(25)
LISTS = (attribute_columns, sampling_rules, groups, destination, indexed_percentage)


@pytest.fixture(scope="module")
def server() -> Iterator[Garbage]:
    garbage = Garbage()
    yield garbage
    garbage.close()


@pytest.fixture(scope="module")
def settings(server: Garbage) -> Iterator[Settings]:
    """One client a service, since making one takes longer than asking; and nobody waits between attempts."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(lambda service: aws_client(told, service))
        for name, module in list(sys.modules.items()):
            if name.startswith("threemaps.") and getattr(module, "aws_client", None) is aws_client:
                patch.setattr(module, "aws_client", lambda _, service: once(service))
        patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
        patch.setattr("threemaps.readers.batch.PAUSE", 0)
        patch.setattr("threemaps.readers.honeycomb_maps.POLL_SECONDS", 0)
        patch.setattr("threemaps.readers.honeycomb_queries.WAIT_SECONDS", 0)
        patch.setattr("threemaps.readers.http.LONGEST_WAIT", 0.0)
        told = settings_at(server.url, THREEMAPS_URL_ROLLBAR=server.url)
        yield told


def everything(settings: Settings) -> list[Callable[[], object]]:
    """All that asks a vendor something."""
    walk = Walk(settings)
    checks = (
        honeycomb_account.check_honeycomb_ingest_key,
        honeycomb_account.check_honeycomb_reading_key,
        honeycomb_account.check_honeycomb_datasets,
        vendors.check_clock,
        vendors.check_aws_keys,
        vendors.check_log_groups,
    )
    return [
        *(functools.partial(check, walk) for check in checks),
        *(functools.partial(ask, settings, name, WINDOW, "a") for name in ("count", "heatmap", "p90")),
        lambda: list(in_order(honeycomb_spans(settings, TRACE_ID, MOMENT))),
        lambda: list(in_order(xray_spans(settings, TRACE_ID))),
        *(functools.partial(read, settings) for read in LISTS),
        lambda: recent_traces(settings, WINDOW),
        lambda: over_time(settings, WINDOW, 'service("a")'),
        lambda: arrivals.honeycomb_spans(settings, [TRACE_ID], int(STAMP)),
        lambda: arrivals.xray_segments(settings, [TRACE_ID]),
        lambda: log_lines(settings, TRACE_ID),
        lambda: rollbar_errors(settings, TRACE_ID),
        lambda: compare(settings),
    ]


def compare(settings: Settings) -> str:
    comparing = Comparing(settings)
    comparison = comparing.compared(Reading(WINDOW, comparing.reader.read(WINDOW)))
    return json.dumps([str(one) for one in comparison.differences])


def ask_all(settings: Settings) -> None:
    for question in everything(settings):
        refused_or_done(question)
        TRIED["vendor answers"] += 1


def test_good_answers_are_taken(server: Garbage, settings: Settings) -> None:
    """Else the rest would prove nothing."""
    server.reset()
    for question in everything(settings):
        question()
    assert [span.name for span in xray_spans(settings, TRACE_ID)] == ["a", "b"]
    assert rollbar_errors(settings, TRACE_ID)[0].title == "E: no"
    reader = Reader(settings, BACKENDS)
    assert all(found and found.edges for found in reader.read(WINDOW).values())
    assert not reader.failures


@SOME
@given(place=st.integers(0, 40), new=JSON_VALUES)
def test_anything_in_any_place(server: Garbage, settings: Settings, place: int, new: Any) -> None:
    server.reset()
    server.change = changed_at(place, new)
    ask_all(settings)


BODIES = (
    st.binary(max_size=300).map(lambda body: lambda good: body)
    | st.integers(0, 100).map(lambda share: lambda good: good[: len(good) * share // 100])
    | JSON_VALUES.map(lambda value: lambda good: json.dumps(value).encode())
    | st.sampled_from((b"[" * 100_000, b'{"a":' * 50_000, b"<a>" * 50_000)).map(
        lambda body: lambda good: body
    )
)
HEADERS = st.sampled_from(
    (
        {},
        {"Content-Encoding": "gzip"},
        {"Content-Type": "text/html; charset=nonsense"},
        {"Date": "yesterday"},
        {"Retry-After": "9" * 400},
        {"x-amzn-errortype": "Evil\x1b[31m:http://x/"},
        {"Location": "http://127.0.0.1:1/"},
    )
)


@SOME
@given(
    body=BODIES,
    headers=HEADERS,
    status=st.sampled_from((200, 200, 204, 302, 400, 403, 404, 418)),
    broken=st.booleans(),
)
def test_any_body_status_and_header(
    server: Garbage, settings: Settings, body: Change, headers: dict[str, str], status: int, broken: bool
) -> None:
    server.reset()
    server.change, server.headers, server.status, server.broken_off = body, headers, status, broken
    ask_all(settings)


def test_a_body_without_end_is_cut_off(
    server: Garbage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threemaps.readers.http.MAX_BYTES", 1_000_000)
    server.reset()
    server.endless = True
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for source in BACKENDS:
        with pytest.raises(UnreadableError, match="has no end"):
            open_backend(source, settings).read_map(WINDOW)
    ask_all(settings)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000 * (1024 if sys.platform == "darwin" else 1)  # macOS counts in bytes
