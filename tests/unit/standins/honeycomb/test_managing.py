"""Datasets and columns are made, changed and deleted with every field kept; a reset leaves nothing."""

import requests

from tests.unit.standins.honeycomb.conftest import CONFIGURATION, INGEST, Client
from tests.unit.standins.honeycomb.spans import Call, request_of


def change(client: Client, method: str, path: str, body: object = None) -> requests.Response:
    return requests.request(method, f"{client.url}{path}", json=body, headers=CONFIGURATION, timeout=10)


def test_a_dataset_from_its_making_to_its_end(honeycomb: Client) -> None:
    wanted = {"name": "My Shop", "description": "orders", "expand_json_depth": 3}
    made = honeycomb.post("/1/datasets", wanted)
    assert made.status_code == 201
    dataset = made.json()
    assert (dataset["slug"], dataset["description"], dataset["expand_json_depth"]) == ("my-shop", "orders", 3)
    assert dataset["settings"] == {"delete_protected": True}
    assert honeycomb.post("/1/datasets", {"name": "My Shop"}).status_code == 200
    assert change(honeycomb, "DELETE", "/1/datasets/my-shop").status_code == 409
    opened = {"settings": {"delete_protected": False}}
    updated = change(honeycomb, "PUT", "/1/datasets/my-shop", opened).json()
    assert (updated["description"], updated["expand_json_depth"]) == ("", 0)
    honeycomb.send_json("/1/events/my-shop", {"a": 1})
    assert change(honeycomb, "DELETE", "/1/datasets/my-shop").status_code == 202
    assert honeycomb.get("/1/datasets/my-shop").status_code == 404
    honeycomb.send_json("/1/events/my-shop", {"b": 1})
    assert [column["key_name"] for column in honeycomb.get("/1/columns/my-shop").json()] == ["b"]


def test_a_column_from_its_making_to_its_end(honeycomb: Client) -> None:
    honeycomb.send_json("/1/events/shop", {"price": 5})
    wanted = {"key_name": "note", "type": "float", "description": "by hand", "hidden": True}
    column = honeycomb.post("/1/columns/shop", wanted).json()
    assert wanted.items() <= column.items()
    assert column["created_at"]
    assert column["last_written"]
    assert honeycomb.post("/1/columns/shop", wanted).status_code == 409
    assert honeycomb.post("/1/columns/shop", {"key_name": ""}).json() == {"error": "Key name cannot be blank"}
    path = f"/1/columns/shop/{column['id']}"
    changed = change(honeycomb, "PUT", path, {"description": "other", "hidden": False}).json()
    assert (changed["key_name"], changed["type"]) == ("note", "float")
    assert (changed["description"], changed["hidden"]) == ("other", False)
    assert honeycomb.get("/1/columns/shop", key_name="note").json() == changed
    assert change(honeycomb, "DELETE", path).status_code == 204
    assert honeycomb.get(path.removeprefix(honeycomb.url)).status_code == 404


def test_a_column_that_events_made_is_described_and_deleted(honeycomb: Client) -> None:
    honeycomb.send_json("/1/events/shop", {"price": 5})
    [column] = honeycomb.get("/1/columns/shop").json()
    path = f"/1/columns/shop/{column['id']}"
    described = change(honeycomb, "PUT", path, {"description": "in cents"}).json()
    assert (described["id"], described["type"]) == (column["id"], "integer")
    assert honeycomb.get("/1/columns/__all__").json() == [described]
    assert change(honeycomb, "DELETE", path).status_code == 204
    assert honeycomb.get("/1/columns/shop").json() == []
    honeycomb.send_json("/1/events/shop", {"price": 6})
    assert [one["key_name"] for one in honeycomb.get("/1/columns/shop").json()] == ["price"]


def test_a_reset_leaves_nothing(honeycomb: Client) -> None:
    honeycomb.send_spans(request_of([Call("a", 1), Call("b", 2, 1)]))
    refused = requests.post(f"{honeycomb.url}/reset", headers=INGEST, timeout=10)
    assert refused.status_code == 403
    assert honeycomb.calls() == {("a", "b"): 1}
    assert change(honeycomb, "POST", "/reset").status_code == 204
    assert honeycomb.calls() == {}
    assert honeycomb.get("/1/datasets").json() == []
    honeycomb.send_spans(request_of([Call("a", 1), Call("c", 2, 1)]))
    assert honeycomb.calls() == {("a", "c"): 1}
