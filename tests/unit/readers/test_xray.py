"""X-Ray's reader: the stand-in's graph, pages and pieces, and answers that nobody should get."""

import re
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import Serve, free_port
from tests.unit.compare.maps import a_map, node
from tests.unit.readers.conftest import NOW, WINDOW, Vendor, json, real_at, settings_at, text
from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge, ServiceMap
from threemaps.readers import UnreadableError, open_backend
from threemaps.readers.xray import pieces

Read = Callable[..., Any]


def service(number: int, name: str, type_: str = "", *edges: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"ReferenceId": number, "Name": name, "Type": type_, "Edges": list(edges), **more}


def to(number: Any, count: int, faults: int = 0, seconds: float = 0.0, *histogram: tuple[float, int]) -> Any:
    return {
        "ReferenceId": number,
        "SummaryStatistics": {
            "TotalCount": count,
            "OkCount": count - faults,
            "ErrorStatistics": {"TotalCount": 3, "ThrottleCount": 1},
            "FaultStatistics": {"TotalCount": faults},
            "TotalResponseTime": seconds,
        },
        "ResponseTimeHistogram": [{"Value": value, "Count": number} for value, number in histogram],
    }


def graph(*services: dict[str, Any], token: str | None = None) -> Callable[[], Any]:
    return json({"Services": list(services), **({"NextToken": token} if token else {})})


TRIANGLE = (
    service(0, "web", "client", to(1, 40)),
    service(
        1, "web", "AWS::EC2::Instance", to(2, 40, 2, 0.8, (0.01, 38), (0.2, 2)), Root=True, State="active"
    ),
    service(2, "api", "", to(3, 7), to(4, 5), State="active"),
    service(3, "db.example:5432", "remote", State="unknown"),
    service(4, "orders", "AWS::DynamoDB::Table", State="unknown"),
)


def test_the_client_is_told_from_the_root_by_its_type(read: Read) -> None:
    found = read("xray", Vendor(graph(*TRIANGLE)))
    assert found.edge(node("(outside)"), node("web")).requests == 40
    assert set(found.nodes) == {
        node(name) for name in ("(outside)", "web", "api", "db.example:5432!", "orders!")
    }
    edge = found.edge(node("web"), node("api"))
    assert edge == Edge(node("web"), node("api"), 40, 2, 20.0, 10.0)


def test_edges_name_their_target_by_number_across_pages(read: Read) -> None:
    vendor = Vendor(graph(*TRIANGLE[:2], token="more"), graph(*TRIANGLE[2:]))
    assert read("xray", vendor).edge(node("web"), node("api")).requests == 40
    assert b'"NextToken": "more"' in vendor.requests[1][2]


def test_a_remotes_port_is_left_to_who_knows_the_scheme(read: Read) -> None:
    vendor = Vendor(graph(service(0, "web", "", to(1, 1)), service(1, "api.example:80", "remote")))
    assert node("api.example:80!") in read("xray", vendor).nodes


def test_half_of_a_surrogate_pair_in_a_name(read: Read) -> None:
    """No file and no terminal could take it."""
    drawn = '{"Services": [{"ReferenceId": 0, "Name": "caf\\u00e9\\ud800", "Edges": []}]}'
    assert read("xray", Vendor(text(drawn))).nodes == (node("café\\ud800"),)


def test_a_long_window_is_read_in_pieces_and_added_up(serve: Serve) -> None:
    vendor = Vendor(graph(*TRIANGLE))
    window = Window(NOW - timedelta(hours=13), NOW)
    found = open_backend("xray", settings_at(serve(vendor.app))).read_map(window)
    assert len(vendor.requests) == 3
    edge = found.edge(node("web"), node("api"))
    assert edge == Edge(node("web"), node("api"), 120, 6, 20.0, 10.0)
    assert [piece.seconds / 3600 for piece in pieces(window)] == [6, 6, 1]


def test_only_edges_that_touch_a_match(read: Read) -> None:
    found = read("xray", Vendor(graph(*TRIANGLE)), service="or*")
    assert [edge.key for edge in found.edges] == [(node("api"), node("orders!"))]


def test_an_empty_graph_is_a_map(read: Read) -> None:
    assert read("xray", Vendor(graph())) == a_map()


def test_throttling_is_tried_again(read: Read) -> None:
    busy = json({"message": "slow down"}, 429, x_amzn_ErrorType="ThrottledException")
    vendor = Vendor(busy, busy, graph(*TRIANGLE))
    assert len(read("xray", vendor).edges) == 4
    with pytest.raises(UnreadableError, match="X-Ray is throttling"):
        read("xray", Vendor(busy))


@pytest.mark.parametrize(
    ("status", "code", "said", "complaint", "hint"),
    [
        (
            403,
            "AccessDeniedException",
            "no policy allows it",
            "permission xray:GetServiceGraph",
            "IAM policy",
        ),
        (
            403,
            "UnrecognizedClientException",
            "token invalid",
            "does not know the AWS access key",
            "AWS_PROFILE",
        ),
        (403, "ExpiredTokenException", "it expired", "have expired", "aws sso login"),
        (
            403,
            "InvalidSignatureException",
            "Signature not yet current",
            "refuses the signature",
            "clock is off",
        ),
        (403, "SignatureDoesNotMatch", "does not match", "refuses the signature", "secret key"),
        (500, "InternalFailure", "oh", "failed with 500", "later"),
        (400, "InvalidRequestException", "too long", "InvalidRequestException", "doctor"),
    ],
)
def test_a_refusal_says_what_to_do(
    read: Read, status: int, code: str, said: str, complaint: str, hint: str
) -> None:
    with pytest.raises(UnreadableError) as caught:
        read("xray", Vendor(json({"message": said}, status, x_amzn_ErrorType=code)), real=True)
    assert complaint in caught.value.message
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert "secret-of-the-user" not in caught.value.message + caught.value.hint


def test_a_service_may_have_an_address_of_its_own(serve: Serve) -> None:
    vendor = Vendor(graph(*TRIANGLE))
    settings = real_at("http://127.0.0.1:9", AWS_ENDPOINT_URL_XRAY=serve(vendor.app))
    assert len(open_backend("xray", settings).read_map(WINDOW).edges) == 4


def test_no_route() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnreadableError, match=f"X-Ray at {nobody} could not be reached"):
        open_backend("xray", settings_at(nobody)).read_map(Window(NOW, NOW + timedelta(seconds=1)))


def test_who_hangs_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threemaps.readers.aws.READ_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0)
        backend = open_backend("xray", settings_at(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        with pytest.raises(UnreadableError, match="no answer within"):
            backend.read_map(Window(NOW, NOW + timedelta(seconds=1)))
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_the_users_profile_has_no_say_in_local_mode(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id-of-the-user")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-user")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    vendor = Vendor(graph())
    open_backend("xray", settings_at(serve(vendor.app))).read_map(Window(NOW - timedelta(hours=1), NOW))
    [(_, headers, _)] = vendor.requests
    assert re.search("Credential=local/[0-9]{8}/us-east-1/xray/", headers["Authorization"])


def test_a_real_account_is_read_with_the_users_keys(serve: Serve) -> None:
    vendor = Vendor(graph())
    open_backend("xray", real_at(serve(vendor.app))).read_map(Window(NOW - timedelta(hours=1), NOW))
    assert "Credential=id-of-the-user/" in vendor.requests[0][1]["Authorization"]
    assert "/eu-central-1/xray/" in vendor.requests[0][1]["Authorization"]


@pytest.mark.parametrize(
    "answer",
    [
        text("<html>sign in to the hotel's network</html>"),
        text('{"Services": [{"Name"'),
        json({"Services": "many"}),
        json({"Services": [7]}),
        json([]),
        graph(service(0, "web", "", to(9, 1))),
        graph(service(0, "", "", to(0, 1))),
        graph(service(0, "web", "", to(0, -1))),
        graph(service(0, "web", "", to(0, 1, seconds=-1.0))),
        graph({"ReferenceId": 0, "Name": ["a"]}),
        graph({"ReferenceId": 0, "Name": "a", "Edges": {"a": 1}}),
    ],
)
def test_a_hostile_answer_is_a_clear_error(read: Read, answer: Any) -> None:
    with pytest.raises(UnreadableError) as caught:
        read("xray", Vendor(answer))
    assert "X-Ray" in caught.value.message
    assert caught.value.hint


def test_pages_without_end(read: Read) -> None:
    with pytest.raises(UnreadableError, match="no last page"):
        read("xray", Vendor(graph(token="again")))


def test_a_service_map_needs_no_statistics(read: Read) -> None:
    bare = service(0, "web", "", {"ReferenceId": 0})
    assert read("xray", Vendor(graph(bare))) == ServiceMap.of([], [Edge(node("web"), node("web"), 0, 0)])
