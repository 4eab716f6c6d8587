"""Filter expressions: which traces they pick, and which expressions mean nothing."""

from typing import Any

import orjson
import pytest

from tests.unit.standins.xray.documents import Document, embedded, segment, subsegment
from threemaps.standins.xray.filters import parse
from threemaps.standins.xray.subjects import TraceSubject
from threemaps.standins.xray.tokens import FilterError
from threemaps.standins.xray.traces import compose


def subject(*documents: Document, groups: dict[str, str] | None = None) -> TraceSubject:
    def in_group(group: str, asked: TraceSubject) -> bool:
        return parse((groups or {})[group]).matches(asked)

    sent = [orjson.loads(orjson.dumps(document)) for document in documents]
    return TraceSubject(compose("t", sent), in_group)


def order() -> TraceSubject:
    """web → shop (fails) → a table and a dead remote; web itself copes."""
    http: dict[str, Any] = {
        "request": {
            "url": "http://web.example.com/v2/order?id=1",
            "method": "POST",
            "user_agent": "curl/8",
            "client_ip": "10.1.2.3",
        },
        "response": {"status": 201},
    }
    ec2 = {"ec2": {"instance_id": "i-1", "availability_zone": "eu-1a"}}
    web = segment("t", "web", took=3.0, http=http, user="ada", aws=ec2, origin="AWS::EC2::Instance")
    call = subsegment("t", "shop:80", web["id"], at=0.5, took=2.0, fault=True)
    shop = segment(
        "t",
        "shop",
        call["id"],
        at=0.6,
        took=4.0,
        fault=True,
        annotations={"order": 17, "paid": False, "kind": "book", "a.b": "dotted"},
        resource_arn="arn:shop",
        subsegments=[
            embedded("DynamoDB", "aws", at=0.7, aws={"table_name": "orders"}),
            embedded("mail:25", at=0.9, took=0.2, error=True, throttle=True),
        ],
    )
    return subject(web, call, shop, groups={"slow": "responsetime > 2", "failed": "fault"})


@pytest.mark.parametrize(
    "expression",
    [
        "ok",
        "!fault",
        "NOT fault",
        "fault = false",
        "fault != true",
        "ok !partial duration < 5",
        "ok AND NOT partial and duration<5",
        "fault OR ok",
        "fault OR ok AND ok",
        "(fault OR ok) AND ok",
        "responsetime = 3",
        "responseTime >= 3 AND responsetime <= 3.0",
        "duration > 4.5 AND duration < 4.7",
        "http.status = 201",
        "http.status != 200",
        'http.url BEGINSWITH "http://web.example.com/" AND http.url CONTAINS "/v2/"',
        'http.url endswith "id=1"',
        'http.method = "POST"',
        'http.useragent CONTAINS "curl"',
        'http.clientip = "10.1.2.3"',
        'http.clientip != "10.1.2.4"',
        "http.url AND responseTime > 2",
        'user = "ada"',
        'user CONTAINS ""',
        'annotation.kind = "book"',
        'annotation[kind] BEGINSWITH "b"',
        'annotation["a.b"] = "dotted"',
        'annotation.a.b = "dotted"',
        "annotation.order > 16.5",
        "annotation.order = 17",
        "annotation.paid = false",
        "!annotation.age",
        "annotation.order",
        "!annotation.paid",
        'service("shop")',
        'service("shop") { fault }',
        'service("shop") { fault = true AND responsetime > 3.9 }',
        "service() { fault }",
        'service("orders")',
        'service(id(name: "orders", type: "AWS::DynamoDB::Table"))',
        'service(id(type: "AWS::EC2::Instance")) { root }',
        'id(name: "web", type: "AWS::EC2::Instance")',
        '!service("nobody")',
        'service("web") { root AND http.status = 201 AND user = "ada" }',
        'service("shop") { !root }',
        'service("mail:25") { throttle AND error AND inferred }',
        'service("shop") { name = "shop" AND resource.arn = "arn:shop" }',
        'service("web") { first AND !last }',
        'service("shop") { !first AND last = false }',
        "service() { last AND inferred }",
        "edge(, ) { first AND ok }",
        'edge("web", "shop") { !first AND !last }',
        'edge("shop", id(type: "remote")) { last }',
        "first AND !last",
        'edge("web", "shop")',
        'edge("web", "shop") { fault }',
        'edge("web", "shop") { responsetime < 2.1 }',
        'edge("shop", "mail:25") { throttle }',
        'edge(id(name: "web", type: "client"), "web") { ok }',
        'edge(id(name:"shop"), id(type:"AWS::DynamoDB::Table")) { ok }',
        '!edge("shop", "web")',
        "inferred",
        'name = "shop"',
        'type = "AWS::DynamoDB::Table"',
        'instance.id = "i-1" AND availabilityzone = "eu-1a"',
        'resource.arn CONTAINS "shop"',
        'group.name = "slow"',
        'group.name = "slow" AND !group.name = "failed"',
        "((((ok))))",
        "! ! ok",
    ],
)
def test_picks_the_trace(expression: str) -> None:
    assert parse(expression).matches(order())


@pytest.mark.parametrize(
    "expression",
    [
        "fault",
        "error",
        "throttle",
        "!ok",
        "partial",
        "ok AND fault",
        "fault AND ok OR fault",
        "responsetime > 3",
        "http.status = 200",
        'http.url CONTAINS "/v3/"',
        'user = "bob"',
        'user != "ada"',
        'annotation.kind = "film"',
        "annotation.kind > 1",
        'annotation.order = "17"',
        "annotation.order = true",
        "annotation.age = 1",
        "annotation.age != 1",
        'service("nobody")',
        'service("web") { fault }',
        'service(id(name: "web", type: "AWS::ECS::Container"))',
        'service("orders") { fault }',
        'service("shop") { first OR last }',
        'edge("web", "shop") { last }',
        'edge("shop", "web")',
        'edge("web", "mail:25")',
        'edge("shop", "orders") { fault }',
        '!service("shop")',
        'http.url BEGINSWITH "http://" AND !service("shop")',
        'group.name = "failed"',
    ],
)
def test_leaves_the_trace(expression: str) -> None:
    assert not parse(expression).matches(order())


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "ends where a keyword is expected"),
        ("AND ok", "'AND' at position 0"),
        ("ok OR", "ends where a keyword"),
        ("ok = 5", "takes no 5"),
        ("ok > true", "cannot be compared with >"),
        ('responsetime > "5"', "takes no '5'"),
        ("responsetime CONTAINS 5", "cannot be compared with CONTAINS"),
        ('http.url < "a"', "cannot be compared with <"),
        ("http.url = 5", "takes no 5"),
        ("http.url = home", "a text goes in quotation marks"),
        ("bogus = 1", "'bogus' at position 0"),
        ("ok)", ") at position 2 is not expected"),
        ("(ok", ") is expected, not the end"),
        ("service(", ") is expected, not the end"),
        ('service("a") { }', "no keyword"),
        ('service("a") { ok', "} is expected"),
        ('service("a") { service("b") }', "cannot stand inside the braces"),
        ('service("a") { annotation.x = 1 }', "cannot stand inside the braces"),
        ('edge("a")', ", is expected"),
        ('id(nome: "a")', "takes name and type"),
        ("annotation.x CONTAINS 5", "takes no 5"),
        ("group.name", "= is expected"),
        ("ok ~ ok", "cannot read"),
        ('user = "open', "cannot read"),
        ("5", "is no keyword"),
        ("(" * 60 + "ok" + ")" * 60, "nested more than 50 deep"),
        ("ok " * 2000, "more than 4000"),
    ],
)
def test_means_nothing(expression: str, reason: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(expression)
    assert reason in str(caught.value)


def test_a_trace_in_progress_is_partial() -> None:
    started = {key: value for key, value in segment("t", "web").items() if key != "end_time"}
    found = subject(started | {"in_progress": True})
    assert parse("partial").matches(found)
    assert not parse("responsetime >= 0").matches(found)
    assert parse('service("web") { partial }').matches(found)


def test_annotations_are_found_within_the_limits_of_the_guide() -> None:
    many = {f"k{number}": number for number in range(50)}
    within = {"ok.key_1": "v" * 1000, "k" * 500: True}
    beyond = {"a-b": 1, "é": 1, "k" * 501: 1, "long": "v" * 1001}
    found = subject(segment("t", "web", annotations={**beyond, **within, **many}))
    for key in (*within, "k0", "k47"):
        assert parse(f"annotation[{key}]").matches(found), key
    for key in (*beyond, "k48"):
        assert not parse(f'annotation["{key}"]').matches(found), key
