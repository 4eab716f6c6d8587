"""What people typed and what opens doors is masked before any backend."""

from pathlib import Path

import pytest

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain, chain_in
from tests.component.collector.sending import CLIENT, SERVER, segment, send_log, send_segment, span, trace_id
from threemaps.demo.redaction import patterns, unmatched
from threemaps.errors import UserError
from threemaps.settings import Settings

PLANTED = "planted"
CARD = "4111 1111 1111 1111"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJwbGFudGVkIjoxfQ.c2lnbmF0dXJl"
KEY = "AKIAPLANTEDPLANTED12"
SECRETS = (PLANTED, CARD, "4111111111111111", JWT, KEY)

ATTRIBUTES = {
    "url.full": f"http://user:{PLANTED}@127.0.0.1:8001/x?q={PLANTED}",
    "http.url": f"http://127.0.0.1:8001/x?{PLANTED}",
    "http.target": f"/x?q={PLANTED}",
    "url.query": f"q={PLANTED}",
    "http.request.header.cookie": [f"session={PLANTED}"],
    "http.request.header.authorization": f"Bearer {PLANTED}",
    "http.response.header.set_cookie": f"session={PLANTED}",
    "message": f"dear diary, {PLANTED}",
    "app.activity.message": PLANTED,
    "http.request.body": PLANTED,
    "password": PLANTED,
    "api_key": PLANTED,
    "note": f"pay with {CARD}, or 4111111111111111; use {KEY} and {JWT}",
    "tried": ["fine", f"Authorization: Basic {PLANTED}{PLANTED}"],
}
EVENT = {
    "name": "exception",
    "timeUnixNano": "1",
    "attributes": [
        {"key": "exception.message", "value": {"stringValue": f"no such page: /x?name={PLANTED}"}}
    ],
}


def test_planted_values_reach_no_backend(chain: Chain) -> None:
    trace = trace_id()
    status = {
        "code": 2,
        "message": f'refused: Bearer {PLANTED}{PLANTED} for {CARD}, {{"message": "{PLANTED}"}}',
    }
    root = span("redact-a", SERVER, trace, attributes=ATTRIBUTES, events=[EVENT], name=f"GET /x?q={PLANTED}")
    client = span("redact-a", CLIENT, trace, root["spanId"], attributes=ATTRIBUTES) | {"status": status}
    chain.send([root, client])
    for body in (
        f'GET /x?q={PLANTED} "{{"message": "{PLANTED}"}}"',
        f"Cookie: {PLANTED}",
        f"cookie={PLANTED} and PASSWORD = {PLANTED}",
        f"Password: {PLANTED}\nauthorization: {PLANTED}",
        f"{CARD} {KEY} {JWT}",
    ):
        send_log(chain.collector.otlp_http, "redact-a", body, trace, password=PLANTED)
    request = {"method": "GET", "url": f"http://h/x?q={PLANTED}"}
    typed = {"default": {"message": PLANTED, "cookie": f"Cookie: {PLANTED}"}}
    sdk = segment(
        "redact-sdk", trace, http={"request": request}, metadata=typed, annotations={"token": PLANTED}
    )
    send_segment(chain.collector.settings.ports["xray"], sdk)

    chain.xray(root["spanId"])
    chain.xray(sdk["id"])
    wait_for(lambda: len(chain.honeycomb("redact-a")) == 2 and chain.honeycomb("redact-sdk"))
    wait_for(lambda: len([one for one in list(chain.vendors.lines) if _of(one, "redact-a")]) == 5)
    everything = chain.vendors.everything().decode("utf-8", "replace")
    assert [secret for secret in SECRETS if secret in everything] == []


def test_what_the_maps_need_stays(chain: Chain) -> None:
    trace = trace_id()
    attributes = {
        "url.full": "http://127.0.0.1:8001/x?q=1",
        "http.response.status_code": 200,
        "app.result_length": 4111111111111111,
        "exception.message": "no such user",
        "user_agent.original": "curl/8.1",
        "messaging.message.id": "m-1",
        "gen_ai.usage.input_tokens": 7,
    }
    client = span("kept-a", CLIENT, trace, "00000000000000aa", attributes=attributes)
    chain.send([client])
    wait_for(lambda: chain.honeycomb("kept-a"))
    [seen] = chain.honeycomb("kept-a")
    assert (seen["trace"], seen["id"], seen["peer.service"]) == (trace, client["spanId"], "127.0.0.1:8001")
    assert seen["url.full"] == "http://127.0.0.1:8001/x"
    kept = attributes.keys() - {"url.full", "app.result_length"}
    assert {name: seen[name] for name in kept} == {name: attributes[name] for name in kept}


def test_a_user_can_add_to_the_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.component.collector.conftest.settings_at", _with_more)
    with chain_in(tmp_path / "state") as chain:
        badge = 'badge no. 4711-$x"y'
        attributes = {"employee.number": PLANTED, "note": badge, "url.path": PLANTED, "host.name": badge}
        status = {"code": 2, "message": badge}
        chain.send([span("more-a", SERVER, trace_id(), attributes=attributes) | {"status": status}])
        wait_for(lambda: chain.honeycomb("more-a"))
        [seen] = chain.honeycomb("more-a")
        assert {name: seen[name] for name in attributes} == {
            "employee.number": "****",
            "note": "badge ****",
            "url.path": "****",  # a usual name
            "host.name": "badge ****",
        }
        assert "4711" not in chain.vendors.everything().decode("utf-8", "replace")


def _with_more(folder: Path, **endpoints: str) -> Settings:
    from tests.collector_process import settings_at

    added = {
        "THREEMAPS_REDACT_KEYS": r"^employee\.|^url\.path$",
        "THREEMAPS_REDACT_VALUES": r'no\. \d+-\$x"y',
    }
    return settings_at(folder, **endpoints, **added)


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        (r"^url\.", ["host.name"]),
        ("(?i)NAME$", ["url.path"]),
        ("nothing", ["url.path", "host.name"]),
        # Python reads it as a choice of characters, and would find no such name.
        (r"^url[[:punct:]]path$", []),
    ],
)
def test_a_usual_name_that_a_pattern_is_for_is_looked_at(pattern: str, left: list[str]) -> None:
    assert unmatched(["url.path", "host.name"], [pattern]) == left


@pytest.mark.parametrize("pattern", ["(", "(?=x)", r"(a)\1", "(?<!x)y"])
def test_a_pattern_that_the_collector_would_refuse_is_named(pattern: str) -> None:
    with pytest.raises(UserError) as refused:
        patterns(Settings.load({"THREEMAPS_REDACT_VALUES": pattern}), "values")
    assert "THREEMAPS_REDACT_VALUES" in refused.value.message
    assert repr(pattern) in refused.value.message


def _of(line: dict[str, str], service: str) -> bool:
    return line["service"] == service
