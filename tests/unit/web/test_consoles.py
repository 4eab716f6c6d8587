"""Links into the vendors' own pages."""

from urllib.parse import parse_qs, urlsplit

from tests.conftest import Serve
from threemaps.settings import LOCAL_CONFIGURATION_KEY, Settings
from threemaps.standins.honeycomb.urls import SCHEMA
from threemaps.standins.honeycomb.urls import create_app as honeycomb
from threemaps.standins.store import Store
from threemaps.web import consoles
from threemaps.web.app import create_app

REAL = {"THREEMAPS_BACKENDS": "cloud", "THREEMAPS_ENV_FILE": "/dev/null", "AWS_REGION": "eu-west-1"}


def test_stand_ins_have_no_page_of_a_vendor() -> None:
    settings = Settings.load({"THREEMAPS_ENV_FILE": "/dev/null"})
    assert consoles.of_map(settings) == consoles.of_trace(settings, "0" * 32) == {}


def test_each_map_leads_to_the_vendors_own() -> None:
    found = consoles.of_map(Settings.load(REAL))
    assert list(found) == ["honeycomb", "xray", "cloudwatch"]
    assert found["cloudwatch"].startswith("https://eu-west-1.console.aws.amazon.com/cloudwatch/")
    assert found["cloudwatch"].endswith("#application-signals:map")


def test_the_way_to_honeycomb_ends_at_the_maps_query(serve: Serve) -> None:
    api = serve(honeycomb(Store(":memory:", SCHEMA)))
    environ = {**REAL, "HONEYCOMB_API_ENDPOINT": api, "HONEYCOMB_CONFIGURATION_KEY": LOCAL_CONFIGURATION_KEY}
    client = create_app(Settings.load(environ)).test_client()
    answer = client.get("/to/honeycomb?since=1h", base_url="http://127.0.0.1:8080")
    assert answer.status_code == 302
    assert "parent.service.name" in parse_qs(urlsplit(answer.headers["Location"]).query)["query"][0]
    answer = client.get(f"/to/honeycomb?trace={'ab' * 16}", base_url="http://127.0.0.1:8080")
    assert f"trace_id={'ab' * 16}" in answer.headers["Location"]
