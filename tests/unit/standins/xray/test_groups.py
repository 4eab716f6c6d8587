"""Groups and their graphs, and tags."""

from typing import Any

import pytest

from tests.unit.standins.xray.conftest import Send
from tests.unit.standins.xray.documents import edges_of, embedded, new_trace, segment, window


def test_a_group_from_its_making_to_its_end(xray: Any) -> None:
    made = xray.create_group(GroupName="slow", FilterExpression="responsetime > 2")["Group"]
    assert made["GroupARN"].startswith("arn:aws:xray:us-east-1:")
    assert made["InsightsConfiguration"] == {"InsightsEnabled": False, "NotificationsEnabled": False}
    assert xray.get_group(GroupName="slow")["Group"] == made
    assert xray.get_group(GroupARN=made["GroupARN"])["Group"] == made
    assert [group["GroupName"] for group in xray.get_groups()["Groups"]] == ["Default", "slow"]
    changed = xray.update_group(
        GroupName="slow", FilterExpression="duration > 3", InsightsConfiguration={"InsightsEnabled": True}
    )["Group"]
    assert changed["FilterExpression"] == "duration > 3"
    assert changed["InsightsConfiguration"] == {"InsightsEnabled": True, "NotificationsEnabled": False}
    assert xray.update_group(GroupName="slow")["Group"] == changed
    xray.delete_group(GroupName="slow")
    assert [group["GroupName"] for group in xray.get_groups()["Groups"]] == ["Default"]
    with pytest.raises(xray.exceptions.InvalidRequestException, match="Group not found: slow"):
        xray.get_group(GroupName="slow")


def test_what_groups_refuse(xray: Any) -> None:
    xray.create_group(GroupName="slow")
    refused = pytest.raises(xray.exceptions.InvalidRequestException)
    with refused as caught:
        xray.create_group(GroupName="slow")
    assert "already exists" in str(caught.value)
    with refused as caught:
        xray.create_group(GroupName="bad", FilterExpression="this is nothing")
    assert "Invalid filter expression" in str(caught.value)
    with refused:
        xray.delete_group(GroupName="Default")
    with refused:
        xray.update_group(GroupName="Default", FilterExpression="ok")
    with refused:
        xray.get_group()
    with refused:
        xray.create_group(GroupName="g" * 33)
    for number in range(24):
        xray.create_group(GroupName=f"group-{number}")
    with refused as caught:
        xray.create_group(GroupName="one-too-many")
    assert "25 groups" in str(caught.value)


def test_a_group_has_a_graph_of_its_own(xray: Any, send: Send) -> None:
    send(
        segment(new_trace(), "web", fault=True, subsegments=[embedded("db")]),
        segment(new_trace(), "web", subsegments=[embedded("cache")]),
    )
    group = xray.create_group(GroupName="failed", FilterExpression="fault")["Group"]
    expected = {("web", "client", "web", ""): 1, ("web", "", "db", "remote"): 1}
    for named in ({"GroupName": "failed"}, {"GroupARN": group["GroupARN"]}):
        assert edges_of(xray.get_service_graph(**window(), **named)["Services"]) == expected
    everything = xray.get_service_graph(**window(), GroupName="Default")["Services"]
    assert edges_of(everything)["web", "client", "web", ""] == 2


def test_groups_in_filter_expressions(xray: Any, send: Send) -> None:
    failed = new_trace()
    send(segment(failed, "web", fault=True), segment(new_trace(), "web"))
    xray.create_group(GroupName="failed", FilterExpression="fault")
    xray.create_group(GroupName="snake", FilterExpression='group.name = "snake" OR fault')

    def ids(expression: str) -> list[str]:
        found = xray.get_trace_summaries(**window(), FilterExpression=expression)["TraceSummaries"]
        return [summary["Id"] for summary in found]

    assert ids('group.name = "failed"') == [failed]
    assert ids('group.name = "snake"') == [failed]
    assert len(ids('group.name = "Default"')) == 2
    with pytest.raises(xray.exceptions.InvalidRequestException, match="Group not found: nobody"):
        ids('group.name = "nobody"')


def test_tags(xray: Any) -> None:
    tags = [{"Key": "team", "Value": "shop"}, {"Key": "stage", "Value": "test"}]
    arn = xray.create_group(GroupName="slow", Tags=tags)["Group"]["GroupARN"]
    xray.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "web"}])
    xray.untag_resource(ResourceARN=arn, TagKeys=["stage"])
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "web"}]
    with pytest.raises(xray.exceptions.ResourceNotFoundException):
        xray.list_tags_for_resource(ResourceARN=arn + "x")
