"""What a callee is called by what its caller's span says: the short way and the long way find the same."""

from typing import Any

import pytest

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import CLIENT, INTERNAL, PRODUCER, SERVER, span, trace_id

NAMES: dict[str, tuple[str | None, dict[str, Any]]] = {
    "address": ("api:8000", {"url.full": "http://api:8000/x", "server.address": "api", "server.port": 8000}),
    "secret": ("api:1", {"url.full": "http://a:b@api:1/x?k=1", "server.address": "api", "server.port": 1}),
    "no path": ("api:8000", {"url.full": "http://api:8000", "server.address": "api", "server.port": 8000}),
    "http": ("api", {"url.full": "http://api/x", "server.address": "api", "server.port": 80}),
    "80": ("api", {"url.full": "http://api:80/x", "server.address": "api", "server.port": 80}),
    "https": ("api.eu", {"url.full": "https://api.eu/x", "server.address": "api.eu", "server.port": 443}),
    "no port": ("api.eu", {"url.full": "https://api.eu/x", "server.address": "api.eu"}),
    "8443": ("api:8443", {"url.full": "https://api:8443/x", "server.address": "api", "server.port": 8443}),
    "443 by http": ("a:443", {"url.full": "http://a:443/x", "server.address": "a", "server.port": 443}),
    "proxy": ("api:8000", {"url.full": "http://api:8000/x", "server.address": "proxy", "server.port": 3128}),
    "longer": ("api:80001", {"url.full": "http://api:80001/", "server.address": "api", "server.port": 8000}),
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
    "url alone": ("api:8000", {"url.full": "http://api:8000/x"}),
    "old url": ("old:81", {"http.url": "http://old:81/x", "server.address": "new", "server.port": 82}),
    "no url": ("db:5432", {"server.address": "db", "server.port": 5432, "db.system": "postgresql"}),
    "text port": ("db:5432", {"server.address": "db", "server.port": "5432"}),
    "old port": ("db:5432", {"server.address": "db", "net.peer.port": 5432}),
    "80 by no url": ("api", {"server.address": "api", "server.port": 80}),
    "80 by https": ("api:80", {"server.address": "api", "server.port": 80, "url.scheme": "https"}),
    "named": ("payments", {"peer.service": "payments", "server.address": "api", "server.port": 8000}),
    "named as host": ("api:8000", {"peer.service": "api", "server.address": "api", "server.port": 8000}),
    "named ''": ("api:8000", {"peer.service": "", "server.address": "api", "server.port": 8000}),
    "no address": ("redis", {"server.address": "", "db.system": "redis"}),
    "odd": ("a_b:8000", {"server.address": "a|b", "server.port": 8000}),
    "a number": ("12", {"peer.service": 12}),
    "a number and an address": ("12", {"peer.service": 12, "server.address": "api", "server.port": 8000}),
    "true": ("true", {"peer.service": True}),
    "a list": ("__x___y__", {"peer.service": ["x", "y"]}),
    "a number's host": ("12:3", {"server.address": 12, "server.port": 3}),
    "a number's database": ("7", {"db.namespace": 7}),
    "nobody": (None, {"http.request.method": "GET"}),
}


@pytest.mark.parametrize("kind", [CLIENT, PRODUCER])
def test_a_callee_is_called_by_its_address(chain: Chain, kind: int) -> None:
    service = f"peers-{kind}"
    chain.send(
        [span(service, kind, trace_id(), name=name, attributes=told) for name, (_, told) in NAMES.items()]
    )
    wait_for(lambda: len(chain.honeycomb(service)) == len(NAMES))
    found = {one["name"]: one.get("peer.service") for one in chain.honeycomb(service)}
    assert found == {name: expected for name, (expected, _) in NAMES.items()}


def test_a_name_that_is_no_text_is_the_same_on_each_leg(chain: Chain) -> None:
    sent = [
        span("textless", CLIENT, trace_id(), "00000000000000aa", attributes={"peer.service": name})
        for name in (12, True, ["x", "y"])
    ]
    chain.send(sent)
    names = {str(chain.segment(one["spanId"])["name"]) for one in sent}
    wait_for(lambda: {("textless", name, "virtual_node") for name in names} <= chain.vendors.calls().keys())
    assert not names & {one["name"] for one in sent}


@pytest.mark.parametrize("kind", [SERVER, INTERNAL])
def test_who_calls_nobody_has_no_callee(chain: Chain, kind: int) -> None:
    told = {"server.address": "api", "server.port": 8000}
    chain.send([span(f"no-peer-{kind}", kind, trace_id(), attributes=told)])
    wait_for(lambda: chain.honeycomb(f"no-peer-{kind}"))
    assert "peer.service" not in chain.honeycomb(f"no-peer-{kind}")[0]
