"""CloudWatch's reader: EMF events of the service graph, one a flush and edge, summed."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.conftest import Serve
from tests.unit.compare.maps import a_map, node
from tests.unit.readers.conftest import NOW, WINDOW, Vendor, json, settings_at, text
from threemaps.model.servicemap import Edge
from threemaps.readers import UnreadableError, open_backend
from threemaps.readers.cloudwatch import LAG, CloudWatch

Read = Callable[..., Any]
AT = int(NOW.timestamp() * 1000)


def event(edge: str, count: int = 0, failed: int = 0, seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    """One flush, as the collector's EMF exporter writes it."""
    client, server = edge.split(">")
    fields: dict[str, Any] = {
        "client": client,
        "server": server,
        "connection_type": "",
        "failed": "true" if failed else "false",
        "virtual_node": "",
        "Version": "1",
        "_aws": {"Timestamp": AT},
        "traces_service_graph_request_total": count,
        **more,
    }
    if failed:
        fields["traces_service_graph_request_failed_total"] = failed
    if seconds:
        duration = {"Count": count, "Sum": seconds, "Min": 0, "Max": seconds}
        fields["traces_service_graph_request_client"] = duration
        fields["traces_service_graph_request_server"] = {**duration, "Sum": seconds / 2}
    return fields


def page(
    *events: dict[str, Any], token: str | None = None, stream: str = "otel-stream-a"
) -> Callable[[], Any]:
    found = [
        {"eventId": str(number), "logStreamName": stream, "timestamp": AT + number, "message": message(one)}
        for number, one in enumerate(events)
    ]
    return json({"events": found, "searchedLogStreams": [], **({"nextToken": token} if token else {})})


def message(fields: dict[str, Any]) -> str:
    return orjson.dumps(fields).decode()


def test_the_flushes_of_an_edge_are_summed(read: Read) -> None:
    vendor = Vendor(
        page(event("web>api", 10, seconds=1.0), event("web>api", 5, 5, seconds=0.5), token="more"),
        page(event("web>api", 25.0, seconds=1.5), event("api>users", 80)),  # type: ignore[arg-type]
    )
    found = read("cloudwatch", vendor)
    assert found.edge(node("web"), node("api")) == Edge(node("web"), node("api"), 40, 5, 75.0, None)
    assert found.edge(node("api"), node("users")) == Edge(node("api"), node("users"), 80, 0)
    request = orjson.loads(vendor.requests[0][2])
    assert request["logGroupName"] == "/threemaps/servicemap"
    assert request["startTime"] == int(WINDOW.start.timestamp() * 1000)
    assert request["endTime"] == int((WINDOW.end + LAG).timestamp() * 1000)
    assert orjson.loads(vendor.requests[1][2])["nextToken"] == "more"


def test_virtual_nodes_are_outside_and_remote(read: Read) -> None:
    virtual = {"connection_type": "virtual_node"}
    found = read(
        "cloudwatch",
        Vendor(
            page(
                event("user>web", 40, seconds=4.0, virtual_node="client", **virtual),
                event("web>db:5432", 7, 7, virtual_node="server", **virtual),
                event("web>api.example:80", 3, virtual_node="server", **virtual),
                event("web>unknown", 2, virtual_node="server", **virtual),
            )
        ),
    )
    assert found.edge(node("(outside)"), node("web")).requests == 40
    assert found.edge(node("(outside)"), node("web")).mean_ms == 50.0
    assert found.edge(node("web"), node("db:5432!")).errors == 7
    assert {node("api.example:80!"), node("unknown!")} < set(found.nodes)


def test_a_service_may_be_called_user(read: Read) -> None:
    virtual = {"connection_type": "virtual_node"}
    found = read(
        "cloudwatch",
        Vendor(page(event("user>api", 4), event("user>db:1", 2, virtual_node="server", **virtual))),
    )
    assert found == a_map("user>api 4 0", "user>db:1! 2 0")


def test_without_the_label_the_connectors_own_names_tell(read: Read) -> None:
    bare = event("user>web", 4, connection_type="virtual_node")
    del bare["virtual_node"]
    assert read("cloudwatch", Vendor(page(bare))) == a_map("(outside)>web 4 0")


def test_a_dead_service_is_a_remote_beside_the_service(read: Read) -> None:
    virtual = {"connection_type": "virtual_node", "virtual_node": "server"}
    found = read("cloudwatch", Vendor(page(event("api>users", 4), event("api>users", 2, 2, **virtual))))
    assert found == a_map("api>users 4 0", "api>users! 2 2")


def test_a_database_sends_no_spans(read: Read) -> None:
    assert read("cloudwatch", Vendor(page(event("api>orders", 4, connection_type="database")))) == a_map(
        "api>orders! 4 0"
    )


def test_an_event_delivered_twice_counts_once(read: Read) -> None:
    assert read("cloudwatch", Vendor(page(event("a>b", 4), token="x"), page(event("a>b", 4)))) == a_map(
        "a>b 4 0"
    )


def test_other_events_in_the_group_are_left_alone(read: Read) -> None:
    others = [{"client": "a", "server": "b"}, {"client": 1, "server": "b"}, {"message": "hello"}]
    vendor = Vendor(page(event("a>b", 1), *others))
    assert read("cloudwatch", vendor) == a_map("a>b 1 0")
    no_json = json({"events": [{"message": "hello", "timestamp": 1}, {"message": "[]"}, {}]})
    assert read("cloudwatch", Vendor(no_json)) == a_map()


def test_no_log_group_is_an_empty_map(read: Read) -> None:
    refusal = json(
        {"__type": "ResourceNotFoundException", "message": "The specified log group does not exist."}, 400
    )
    assert read("cloudwatch", Vendor(refusal)) == a_map()


def test_only_edges_that_touch_a_match(read: Read) -> None:
    vendor = Vendor(page(event("web>api", 1), event("api>users", 2)))
    assert read("cloudwatch", vendor, service="users") == a_map("api>users 2 0")


def test_a_missing_permission_is_named(read: Read) -> None:
    refusal = json({"__type": "AccessDeniedException", "message": "not authorized"}, 400)
    with pytest.raises(UnreadableError, match="permission logs:FilterLogEvents"):
        read("cloudwatch", Vendor(refusal), real=True)


def test_the_streams_of_a_window(serve: Serve) -> None:
    vendor = Vendor(page(event("a>b", 1), token="x"), page(event("a>b", 1), stream="otel-stream-b"))
    reader = open_backend("cloudwatch", settings_at(serve(vendor.app)))
    assert isinstance(reader, CloudWatch)
    assert list(reader.streams(WINDOW)) == ["otel-stream-a", "otel-stream-b"]


@pytest.mark.parametrize(
    "answer",
    [
        text("<html>sign in to the hotel's network</html>"),
        text('{"events": [{"mess'),
        json({"events": "many"}),
        json({"events": [7]}),
        page(event("a>b", -1)),
        page({**event("a>b"), "traces_service_graph_request_total": "4"}),
        page({**event("a>b"), "traces_service_graph_request_total": 1.5}),
        page({**event("a>b"), "traces_service_graph_request_client": {"Count": "x"}}),
    ],
)
def test_a_hostile_answer_is_a_clear_error(read: Read, answer: Any) -> None:
    with pytest.raises(UnreadableError) as caught:
        read("cloudwatch", Vendor(answer))
    assert "CloudWatch" in caught.value.message
    assert caught.value.hint


def test_pages_without_end(read: Read) -> None:
    with pytest.raises(UnreadableError, match="no last page"):
        read("cloudwatch", Vendor(page(token="again")))


def test_more_events_than_anybody_has(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threemaps.readers.cloudwatch.MAX_EVENTS", 2)
    with pytest.raises(UnreadableError, match="more than 2 map events"):
        read("cloudwatch", Vendor(page(event("a>b", 1), event("a>c", 1), event("a>d", 1))))
