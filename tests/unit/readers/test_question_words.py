"""Questions in words → queries that Honeycomb takes."""

from typing import Any

import pytest

from threemaps.errors import UserError
from threemaps.readers.question_words import condition_of, question_of
from threemaps.standins.honeycomb.query_spec import parse_query


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("service.name = users", ("service.name", "=", "users")),
        ("service.name=users", ("service.name", "=", "users")),
        ("duration_ms >= 100", ("duration_ms", ">=", 100)),
        ("duration_ms<1.5", ("duration_ms", "<", 1.5)),
        ("error = true", ("error", "=", True)),
        ("version != '2'", ("version", "!=", "2")),
        ("name does-not-contain GET /", ("name", "does-not-contain", "GET /")),
        ("name in a, 5", ("name", "in", ["a", 5])),
        ("error exists", ("error", "exists", None)),
        ("http.does-not-exist does-not-exist", ("http.does-not-exist", "does-not-exist", None)),
    ],
)
def test_conditions(text: str, condition: tuple[Any, ...]) -> None:
    found = condition_of(text)
    assert (found["column"], found["op"], found.get("value")) == condition
    parse_query({"filters": [found]})


@pytest.mark.parametrize("text", ["", "users", "name ~ a", "name =", "error exists 5", "= 5"])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(UserError, match="no condition"):
        condition_of(text)


def test_a_question() -> None:
    found = question_of(["p90(duration_ms)", "COUNT"], ["name"], ["service.name = users"])
    query = parse_query(found)
    assert [one.label for one in query.calculations] == ["P90(duration_ms)", "COUNT"]
    assert query.orders[0].label == "P90(duration_ms)"
    assert question_of([], ["name"], [])["calculations"] == [{"op": "COUNT"}]


@pytest.mark.parametrize("text", ["", "P90", "COUNT(name)", "P90(duration_ms", "a b"])
def test_what_is_no_calculation(text: str) -> None:
    with pytest.raises(UserError, match="no calculation"):
        question_of([text], [], [])
