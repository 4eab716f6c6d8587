"""What services and callees are called: the short way and the long way find the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain, chain_in
from tests.component.collector.sending import (
    CLIENT,
    CONSUMER,
    INTERNAL,
    PRODUCER,
    SERVER,
    pairs,
    payload,
    span,
    trace_id,
)
from threemaps.demo.names import own_names, read_names
from threemaps.errors import UserError
from threemaps.settings import Settings

LIST = """# what has no name of its own
10.0.3.7:8080 = payments
smtp.example:443=mail
books:1 = ledger  # kept elsewhere
"""

NAMES: dict[str, tuple[str | None, dict[str, Any]]] = {
    "address": (
        "api.eu:8000",
        {"url.full": "http://api.eu:8000/x", "server.address": "api.eu", "server.port": 8000},
    ),
    "secret": (
        "api.eu:1",
        {"url.full": "http://a:b@api.eu:1/x?k=1", "server.address": "api.eu", "server.port": 1},
    ),
    "no path": (
        "api.eu:8000",
        {"url.full": "http://api.eu:8000", "server.address": "api.eu", "server.port": 8000},
    ),
    "http": ("api.eu", {"url.full": "http://api.eu/x", "server.address": "api.eu", "server.port": 80}),
    "80": ("api.eu", {"url.full": "http://api.eu:80/x", "server.address": "api.eu", "server.port": 80}),
    "https": ("api.eu", {"url.full": "https://api.eu/x", "server.address": "api.eu", "server.port": 443}),
    "no port": ("api.eu", {"url.full": "https://api.eu/x", "server.address": "api.eu"}),
    "8443": (
        "api.eu:8443",
        {"url.full": "https://api.eu:8443/x", "server.address": "api.eu", "server.port": 8443},
    ),
    "443 by http": (
        "a.eu:443",
        {"url.full": "http://a.eu:443/x", "server.address": "a.eu", "server.port": 443},
    ),
    "proxy": (
        "api.eu:8000",
        {"url.full": "http://api.eu:8000/x", "server.address": "proxy.eu", "server.port": 3128},
    ),
    "longer": (
        "api.eu:80001",
        {"url.full": "http://api.eu:80001/", "server.address": "api.eu", "server.port": 8000},
    ),
    "IPv6": ("::1:8000", {"url.full": "http://[::1]:8000/x", "server.address": "::1", "server.port": 8000}),
    "brackets": (
        "::1:8000",
        {"url.full": "http://[::1]:8000/x", "server.address": "[::1]", "server.port": 8000},
    ),
    "brackets by https": ("::1", {"url.full": "https://[::1]/x", "server.address": "[::1]"}),
    "brackets, no url": ("fe80::1:8000", {"server.address": "[fe80::1]", "server.port": 8000}),
    "brackets, no port": ("fe80::1", {"server.address": "[fe80::1]"}),
    "brackets, old": ("::1:8000", {"net.peer.name": "[::1]", "net.peer.port": 8000}),
    "brackets, zone": ("fe80::1%eth0:81", {"server.address": "[fe80::1%eth0]", "server.port": 81}),
    "brackets, host": ("::1:8000", {"http.host": "[::1]:8000"}),
    "named in brackets": ("::1:81", {"peer.service": "[::1]", "server.address": "::1", "server.port": 81}),
    "brackets around a word": ("_billing_", {"peer.service": "[billing]"}),
    "url alone": ("api.eu:8000", {"url.full": "http://api.eu:8000/x"}),
    "old url": ("old.eu:81", {"http.url": "http://old.eu:81/x", "server.address": "new", "server.port": 82}),
    "no url": ("db.eu:5432", {"server.address": "db.eu", "server.port": 5432, "db.system": "postgresql"}),
    "text port": ("db.eu:5432", {"server.address": "db.eu", "server.port": "5432"}),
    "old port": ("db.eu:5432", {"server.address": "db.eu", "net.peer.port": 5432}),
    "80 by no url": ("api.eu", {"server.address": "api.eu", "server.port": 80}),
    "80 by https": ("api.eu:80", {"server.address": "api.eu", "server.port": 80, "url.scheme": "https"}),
    "named": ("payments", {"peer.service": "payments", "server.address": "api.eu", "server.port": 8000}),
    "named as host": (
        "api.eu:8000",
        {"peer.service": "api.eu", "server.address": "api.eu", "server.port": 8000},
    ),
    "named ''": ("api.eu:8000", {"peer.service": "", "server.address": "api.eu", "server.port": 8000}),
    "no address": ("redis", {"server.address": "", "db.system": "redis"}),
    "odd": ("a_b:8000", {"server.address": "a|b", "server.port": 8000}),
    "a number": ("12", {"peer.service": 12}),
    "a number and an address": ("12", {"peer.service": 12, "server.address": "api.eu", "server.port": 8000}),
    "true": ("true", {"peer.service": True}),
    "a list": ("__x___y__", {"peer.service": ["x", "y"]}),
    "a number's host": ("12:3", {"server.address": 12, "server.port": 3}),
    "a number's database": ("7", {"db.namespace": 7}),
    "one label": (
        "users",
        {"url.full": "http://users:8002/x", "server.address": "users", "server.port": 8002},
    ),
    "one label, no url": ("users-v2", {"server.address": "users-v2", "server.port": 8002}),
    "one label by https": ("users", {"url.full": "https://users:8443/x"}),
    "in a cluster": ("users", {"url.full": "http://users.shop.svc.cluster.local:8002/x"}),
    "in a cluster, short": ("users", {"url.full": "http://users.shop.svc:8002/x"}),
    "no service of a cluster": ("users.shop:8002", {"url.full": "http://users.shop:8002/x"}),
    "this machine": ("localhost:8002", {"server.address": "localhost", "server.port": 8002}),
    "on the list": ("payments", {"url.full": "http://10.0.3.7:8080/x"}),
    "on the list, no url": ("payments", {"server.address": "10.0.3.7", "server.port": 8080}),
    "on the list, other port": ("10.0.3.7:8081", {"url.full": "http://10.0.3.7:8081/x"}),
    "on the list, own port": ("mail", {"url.full": "https://smtp.example/x"}),
    "on the list before its label": ("ledger", {"url.full": "http://books:1/x"}),
    "a table": ("orders", {"rpc.system": "aws-api", "aws.table_name": "orders", "server.address": "aws.eu"}),
    "nobody": (None, {"http.request.method": "GET"}),
}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("names")
    (folder / "names").write_text(LIST)
    with chain_in(folder / "state", THREEMAPS_NAMES=str(folder / "names")) as chain:
        yield chain


@pytest.mark.parametrize("kind", [CLIENT, PRODUCER])
def test_a_callee_is_called_by_its_address(chain: Chain, kind: int) -> None:
    service = f"peers-{kind}"
    chain.send(
        [span(service, kind, trace_id(), name=name, attributes=told) for name, (_, told) in NAMES.items()]
    )
    wait_for(lambda: len(chain.honeycomb(service)) == len(NAMES))
    found = {one["name"]: one.get("peer.service") for one in chain.honeycomb(service)}
    assert found == {name: expected for name, (expected, _) in NAMES.items()}
    for one in chain.honeycomb(service):
        assert chain.xray(one["id"]).get("aws.remote.service") == one.get("peer.service")
        assert not [name for name in one if name.startswith(("aws.remote", "aws.local", "threemaps"))]
        assert "threemaps.names" not in one["resource"]


@pytest.mark.parametrize("kind", [SERVER, INTERNAL])
def test_who_calls_nobody_has_no_callee(chain: Chain, kind: int) -> None:
    told = {"server.address": "api", "server.port": 8000}
    chain.send([span(f"no-peer-{kind}", kind, trace_id(), attributes=told)])
    wait_for(lambda: chain.honeycomb(f"no-peer-{kind}"))
    assert "peer.service" not in chain.honeycomb(f"no-peer-{kind}")[0]


def test_a_service_of_ours_is_called_by_its_name(chain: Chain) -> None:
    settings = chain.collector.settings
    url = f"http://127.0.0.1:{settings.ports['users']}/x"
    chain.send([span("caller", CLIENT, trace_id(), attributes={"url.full": url})])
    wait_for(lambda: chain.honeycomb("caller"))
    assert chain.honeycomb("caller")[0]["peer.service"] == "users"
    assert (
        own_names(
            Settings.load({"THREEMAPS_ENV_FILE": "/dev/null", "THREEMAPS_URL_USERS": "http://users:8002"})
        )["users:8002"]
        == "users"
    )


@pytest.mark.parametrize("line", ["payments", "10.0.3.7:8080 payments", "a = b = c"])
def test_a_line_that_is_no_name_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "names").write_text(f"a:1 = b\n{line}\n")
    with pytest.raises(UserError) as refused:
        read_names(str(tmp_path / "names"))
    assert "line 2" in refused.value.message
    assert repr(line) in refused.value.message
    with pytest.raises(UserError, match="THREEMAPS_NAMES"):
        read_names(str(tmp_path / "none"))


def test_spans_say_to_aws_what_they_are(chain: Chain) -> None:
    trace = trace_id()
    about = {"deployment.environment.name": "shop"}
    entry = span("said-a", SERVER, trace, "00000000000000aa", name="GET /x")
    inner = span("said-a", INTERNAL, trace, entry["spanId"])
    call = span("said-a", CLIENT, trace, inner["spanId"], name="GET", attributes={"server.address": "said-b"})
    worker = span("said-a", CONSUMER, trace, call["spanId"], name="orders process")
    job = span("said-a", INTERNAL, trace_id(), name="nightly")
    begun = span("said-a", INTERNAL, trace, "00000000000000bb", flags=0x300)
    sent = {"entry": entry, "inner": inner, "call": call, "worker": worker, "job": job, "begun": begun}
    document = payload(sent.values())
    document["resourceSpans"][0]["resource"]["attributes"] += pairs(about)
    requests.post(f"{chain.collector.otlp_http}/v1/traces", json=document, timeout=20).raise_for_status()
    told = {name: chain.xray(one["spanId"]) for name, one in sent.items()}
    kinds = {name: one.get("aws.span.kind") for name, one in told.items()}
    assert kinds == {
        "entry": "SERVER",
        "inner": None,
        "call": "CLIENT",
        "worker": "CONSUMER",
        "job": "LOCAL_ROOT",
        "begun": "LOCAL_ROOT",
    }
    operations = {name: one.get("aws.local.operation") for name, one in told.items()}
    assert operations == {"entry": "GET /x", "worker": "orders process", "job": "nightly", "begun": "GET"} | {
        "inner": None,
        "call": None,
    }
    assert (told["call"]["aws.remote.service"], told["call"]["aws.remote.operation"]) == ("said-b", "GET")
    for name in ("entry", "call", "worker", "job"):
        assert (told[name]["aws.local.service"], told[name]["aws.local.environment"]) == ("said-a", "shop")


def test_where_no_environment_is_set_it_is_application_signals_own(chain: Chain) -> None:
    one = span("nowhere", SERVER, trace_id())
    chain.send([one])
    assert chain.xray(one["spanId"])["aws.local.environment"] == "generic:default"


@pytest.mark.parametrize(("told", "name"), [({}, "unknown_service"), ({"service.name": 12}, "12")])
def test_a_service_without_a_name_has_one(chain: Chain, told: dict[str, Any], name: str) -> None:
    one = span("x", SERVER, trace_id())
    document = payload([one])
    document["resourceSpans"][0]["resource"]["attributes"] = pairs(told)
    requests.post(f"{chain.collector.otlp_http}/v1/traces", json=document, timeout=20).raise_for_status()
    assert chain.xray(one["spanId"])["service"] == name
