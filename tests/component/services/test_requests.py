"""What the services answer, and the trace that a request leaves; served as they always are."""

import socket

import pytest
import requests

from services.common.trace_ids import NO_TRACE
from tests.component.services.recorder import CLIENT, INTERNAL, SERVER, Recorder, Span
from tests.component.services.running import Services


def callers(spans: list[Span]) -> set[tuple[str, str]]:
    """(service that called, service that was called) for each call between two services."""
    by_id = {span.span_id: span for span in spans}
    return {
        (by_id[span.parent_id].service, span.service)
        for span in spans
        if span.kind == SERVER and span.parent_id in by_id
    }


def test_a_home_request_is_one_trace_around_the_triangle(services: Services, recorder: Recorder) -> None:
    answer = requests.get(f"{services.edge}/api/activities/home")
    page = answer.json()
    assert answer.status_code == 200
    assert page["degraded"] is False
    assert all(activity["display_name"] for activity in page["activities"])
    spans = recorder.trace(answer.headers["X-Trace-Id"], 8)
    assert callers(spans) == {
        ("frontend_api", "activities"),
        ("frontend_api", "users"),
        ("activities", "users"),
    }
    assert [span.parent_id for span in spans if span.name == "GET /api/activities/home"].count("") == 1
    assert sorted(span.kind for span in spans) == [INTERNAL] + [SERVER] * 4 + [CLIENT] * 3


def test_the_custom_span_says_when_and_how_many(services: Services, recorder: Recorder) -> None:
    answer = requests.get(f"{services.edge}/api/activities/home")
    spans = recorder.trace(answer.headers["X-Trace-Id"], 8)
    (own,) = [span for span in spans if span.name == "home-activities-mock-data"]
    (server,) = [span for span in spans if span.kind == SERVER and span.service == "activities"]
    assert (own.service, own.parent_id) == ("activities", server.span_id)
    assert own.attributes["app.result_length"] == len(answer.json()["activities"])
    assert own.attributes["app.now"].startswith("20")


def test_client_spans_say_which_address_was_called(services: Services, recorder: Recorder) -> None:
    answer = requests.get(f"{services.edge}/api/users/andrew")
    (client,) = [span for span in recorder.trace(answer.headers["X-Trace-Id"], 3) if span.kind == CLIENT]
    assert client.attributes["url.full"] == f"{services['users'].url}/api/users/andrew"
    assert client.attributes["server.address"] == "127.0.0.1"


def test_the_trace_headers_of_a_stranger_are_dropped(services: Services, recorder: Recorder) -> None:
    foreign = "11111111222222223333333344444444"
    headers = {
        "traceparent": f"00-{foreign}-5555555555555555-00",
        "tracestate": "a=b",
        "baggage": "user=me",
        "X-Amzn-Trace-Id": f"Root=1-{foreign[:8]}-{foreign[8:]};Parent=5555555555555555;Sampled=0",
    }
    answer = requests.get(f"{services.edge}/api/users/andrew", headers=headers)
    ours = answer.headers["X-Trace-Id"]
    assert ours not in (foreign, NO_TRACE)
    # Recorded, although the stranger asked for no sampling; and a trace with a root of its own.
    assert [span.parent_id for span in recorder.trace(ours, 3)].count("") == 1


def test_a_trusted_caller_is_continued(new_services, recorder: Recorder) -> None:
    ours = new_services("frontend_api", "users", THREEMAPS_TRUST_INCOMING_TRACE="1")
    trace_id = "aaaaaaaabbbbbbbbccccccccdddddddd"
    headers = {"traceparent": f"00-{trace_id}-5555555555555555-01"}
    answer = requests.get(f"{ours.edge}/api/users/andrew", headers=headers)
    assert answer.headers["X-Trace-Id"] == trace_id
    assert "5555555555555555" in [span.parent_id for span in recorder.trace(trace_id, 3)]


def test_a_service_inside_continues_an_xray_header(services: Services, recorder: Recorder) -> None:
    trace_id = "0123456789abcdef0123456789abcdef"
    header = f"Root=1-{trace_id[:8]}-{trace_id[8:]};Parent=5555555555555555;Sampled=1"
    answer = requests.get(f"{services['users'].url}/api/users/andrew", headers={"X-Amzn-Trace-Id": header})
    assert answer.headers["X-Trace-Id"] == trace_id
    assert recorder.trace(trace_id, 1)[0].parent_id == "5555555555555555"


def test_health_checks_make_no_span_but_nobody_hides_behind_them(
    services: Services, recorder: Recorder
) -> None:
    for service in services.running.values():
        assert requests.get(f"{service.url}/api/health").json() == {"status": "ok", "service": service.name}
    hidden = requests.get(f"{services.edge}/api/users/andrew", params={"x": "/api/health"})
    recorder.trace(hidden.headers["X-Trace-Id"], 3)
    assert [span.name for span in recorder.spans if "health" in span.name] == []


def test_log_lines_and_log_records_carry_both_forms_of_the_id(services: Services, recorder: Recorder) -> None:
    trace_id = requests.get(f"{services.edge}/api/activities/home").headers["X-Trace-Id"]
    records = recorder.wait(
        lambda found: (
            [log for log in found.logs if log.trace_id == trace_id][3:]
            and [log for log in found.logs if log.trace_id == trace_id]
        )
    )
    assert sorted(log.service for log in records) == ["activities", "frontend_api", "users", "users"]
    xray_id = f"1-{trace_id[:8]}-{trace_id[8:]}"
    assert {log.attributes["xray_trace_id"] for log in records} == {xray_id}
    for service in services.running.values():
        (first, *_) = [line for line in service.lines() if line["trace_id"] == trace_id]
        assert first["service"] == service.name
        assert first["xray_trace_id"] == xray_id
        assert first["span_id"] in {span.span_id for span in recorder.trace(trace_id, 8)}
        assert {"time", "level", "logger", "message"} <= first.keys()


def test_what_was_posted_is_there_and_named(services: Services) -> None:
    posted = requests.post(f"{services.edge}/api/activities", json={"handle": "@worf", "message": "Qapla'"})
    assert posted.status_code == 201
    found = requests.get(f"{services.edge}/api/activities/@worf").json()["activities"]
    assert found[0] == posted.json()
    assert found[0]["display_name"] == "Worf, Son of Mogh"


def test_an_unknown_handle_is_told_by_the_edge(services: Services) -> None:
    for path in ("/api/activities/@nobody", "/api/users/nobody"):
        answer = requests.get(services.edge + path)
        assert (answer.status_code, answer.json()["error"]) == (404, "unknown_handle")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"\x00\xff\xfe\r\n\r\n", 400),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"POST /api/activities HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: wrong\r\n\r\n", 501),
        (b"POST /api/activities HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    ],
)
def test_what_is_no_http_is_refused_in_json(services: Services, sent: bytes, status: int) -> None:
    host, port = services.edge.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        answer = connection.makefile("rb").read().decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert "Content-Type: application/json" in answer
    assert "X-Trace-Id" in answer
