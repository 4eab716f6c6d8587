"""One variable shows on a service's own console what leaves it."""

import pytest
import requests

from threemaps.demo.health import wait_until

SECONDS = 20


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("otel", ['"kind": "SpanKind.SERVER"', '"severity_text": "INFO"', "http.server.request.duration"]),
        ("xray-sdk", ["sending: ", '\\"name\\": \\"users\\"']),
    ],
)
def test_what_is_sent_is_shown(new_services, mode: str, shown: list[str]) -> None:
    services = new_services("users", modes={"users": mode}, THREEMAPS_CONSOLE="users")
    requests.get(f"{services['users'].url}/api/users/andrew")
    log = services["users"].log
    for text in shown:
        assert wait_until(lambda text=text: text in log.read_text(), SECONDS), log.read_text()


def test_the_others_stay_quiet(new_services) -> None:
    services = new_services("users", THREEMAPS_CONSOLE="activities")
    requests.get(f"{services['users'].url}/api/users/andrew")
    services["users"].stop()
    assert "SpanKind" not in services["users"].log.read_text()
