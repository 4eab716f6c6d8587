"""Addresses in Honeycomb's page."""

import json
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import Serve
from tests.unit.readers.conftest import Vendor, settings_at
from tests.unit.readers.conftest import json as answers
from tests.unit.standins.honeycomb.conftest import Client, honeycomb, store
from threemaps.readers import UnreadableError
from threemaps.readers.honeycomb_links import map_link, trace_link
from threemaps.readers.honeycomb_results import map_question
from threemaps.settings import Settings
from threemaps.standins.honeycomb.query_spec import parse_query

__all__ = ["honeycomb", "store"]


def account(serve: Serve, environment: str = "my env", **environ: str) -> Settings:
    auth = {"type": "ingest", "team": {"slug": "a team"}, "environment": {"slug": environment}}
    url = serve(Vendor(answers(auth)).app)
    own = {"THREEMAPS_BACKENDS": "honeycomb", "HONEYCOMB_API_ENDPOINT": url, "HONEYCOMB_API_KEY": "k"}
    return settings_at(url, **own, **environ)


def test_the_map_is_a_query_that_honeycomb_takes(serve: Serve) -> None:
    parts = urlsplit(map_link(account(serve), timedelta(minutes=15)))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
        "https://ui.honeycomb.io/a%20team/environments/my%20env"
    )
    [query] = parse_qs(parts.query)["query"]
    assert json.loads(query) == map_question() | {"time_range": 900}
    assert parse_query(json.loads(query)).is_relational


def test_a_trace(serve: Serve) -> None:
    plain = "f" * 32
    link = trace_link(account(serve), plain)
    assert link == f"https://ui.honeycomb.io/a%20team/environments/my%20env/trace?trace_id={plain}"
    now = int(time.time())
    timed = parse_qs(urlsplit(trace_link(account(serve), f"{now:08x}" + "0" * 24)).query)
    assert int(timed["trace_start_ts"][0]) < now < int(timed["trace_end_ts"][0])


def test_a_classic_key_has_no_environment(serve: Serve) -> None:
    with pytest.raises(UnreadableError, match="Classic"):
        map_link(account(serve, environment=""), timedelta(hours=2))


def test_the_local_honeycomb_says_whose_it_is(honeycomb: Client) -> None:
    link = map_link(settings_at(honeycomb.url), timedelta(hours=2))
    assert link.startswith("https://ui.honeycomb.io/threemaps/environments/local?query=%7B")


def test_without_a_key() -> None:
    with pytest.raises(UnreadableError, match="no key says which"):
        map_link(settings_at("http://127.0.0.1:9", THREEMAPS_BACKENDS="honeycomb"), timedelta(hours=2))
