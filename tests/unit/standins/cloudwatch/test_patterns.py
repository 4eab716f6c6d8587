"""Filter patterns, as AWS documents them."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch.patterns import compile_pattern

DOCUMENT = {
    "level": "INFO",
    "n": 3.5,
    "none": None,
    "yes": True,
    "no": False,
    "service.name": "users",
    "ip": "123.4.5.6",
    "deep": {"name": "users", "list": [{"id": 1}, {"id": 2}]},
    "a-b_c": "x",
    "quoted": 'say "hi"',
}


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("a b", "b a", True),
        ("a b", "a", False),
        ("a -b", "a", True),
        ("a -b", "ab", False),
        ("-b", "a", True),
        ("?a ?b", "b", True),
        ("?a ?b", "c", False),
        ("?a ?b c", "c", True),
        ('"a b"', "a b", True),
        ('"a b"', "ab", False),
        ('-"a b" a', "a b", False),
        (r'"say \"hi\""', 'say "hi"', True),
        ("%a[0-9]+%", "xa12", True),
        ("%a[0-9]+%", "xa", False),
        ("ERROR", "error", False),
        ("10.0.0.1", "at 10.0.0.1", True),
    ],
)
def test_terms(pattern: str, message: str, matches: bool) -> None:
    assert compile_pattern(pattern)(message) is matches


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ $.level = "INFO" }', True),
        ("{ $.level = INFO }", True),
        ('{$.level="INFO"}', True),
        ('{ $.level = "info" }', False),
        ('{ $.level != "info" }', True),
        ('{ $.level = "I*" }', True),
        ('{ $.level = "*FO" }', True),
        ("{ $.ip = 123.4.* }", True),
        ("{ $.level = %^I[A-Z]+$% }", True),
        ("{ $.n = 3.5 }", True),
        ("{ $.n > 3 && $.n < 4 }", True),
        ("{ $.n >= 3.5 && $.n <= 3.5 }", True),
        ("{ $.n != 3.5 }", False),
        ("{ $.n = 35e-1 }", True),
        ("{ $.none IS NULL }", True),
        ("{ $.level IS NULL }", False),
        ("{ $.yes IS TRUE }", True),
        ("{ $.no IS FALSE }", True),
        ("{ $.no IS TRUE }", False),
        ("{ $.missing NOT EXISTS }", True),
        ("{ $.level NOT EXISTS }", False),
        ("{ $.level EXISTS }", True),
        ("{ $.missing IS NULL }", False),
        ('{ $.missing = "*" }', False),
        ("{ $.missing < 1 }", False),
        ('{ $.deep.name = "users" }', True),
        ("{ $.deep.list[1].id = 2 }", True),
        ("{ $.deep.list[7].id = 2 }", False),
        ("{ $.deep.list[*].id = 2 }", True),
        ("{ $.deep.* = users }", True),
        ("{ $.['service.name'] = users }", True),
        ('{ $.["service.name"] = "users" }', True),
        ('{ $["service.name"] = "users" }', True),
        ('{ $."service.name" = "users" }', True),
        ('{ $.a-b_c = "x" }', True),
        (r'{ $.quoted = "say \"hi\"" }', True),
        ('{ $.level = "x" || $.n = 3.5 }', True),
        ('{ $.level = "x" && $.n = 3.5 || $.yes IS TRUE }', True),
        ('{ $.level = "x" && ($.n = 3.5 || $.yes IS TRUE) }', False),
        ('{ ($.level = "INFO") && (($.n = 1) || ($.n > 3 || $.x EXISTS)) }', True),
    ],
)
def test_json_selectors(pattern: str, matches: bool) -> None:
    assert compile_pattern(pattern)(json.dumps(DOCUMENT)) is matches


@pytest.mark.parametrize("message", ["no JSON", "[1, 2]", '"text"', "3", "null", "{", "[" * 100_000])
def test_what_is_no_object_has_no_fields(message: str) -> None:
    assert compile_pattern('{ $.level = "INFO" }')(message) is False


@pytest.mark.parametrize(
    "pattern",
    [
        "{ }",
        "{ $.a }",
        "{ $.a = }",
        "{ $.a = 1",
        "{ $.a = 1 } x",
        "{ a = 1 }",
        "{ $.a == 1 }",
        "{ $.a = 1 && }",
        "{ ($.a = 1 }",
        "{ $.a IS MAYBE }",
        "{ $.a NOT HERE }",
        '{ $.a > "text" }',
        "{ $.a = %(x)% }",
        "{ $.a = %[% }",
        "{ $.a = %a{9999999999}% }",
        "{ $.a = %a% && $.b = %b% && $.c = %c% }",
        "{" + "(" * 500 + "$.a = 1" + ")" * 500 + "}",
        "%[%",
        '"open',
        "[a, b]",
    ],
)
def test_what_is_no_pattern_is_refused_with_a_reason(pattern: str) -> None:
    with pytest.raises(AwsError, match="Invalid"):
        compile_pattern(pattern)


WORDS = st.sampled_from(
    [
        "{",
        "}",
        "(",
        ")",
        "&&",
        "||",
        "=",
        "!=",
        "<",
        "$.a",
        "$.b[0]",
        "IS",
        "NOT",
        "EXISTS",
        "NULL",
        '"x"',
        "1",
        "*",
    ]
)


@settings(max_examples=200)
@given(
    st.one_of(st.text(max_size=30), st.lists(WORDS, max_size=12).map(lambda words: "{ " + " ".join(words)))
)
def test_any_text_is_a_pattern_or_refused(pattern: str) -> None:
    with contextlib.suppress(AwsError):
        assert compile_pattern(pattern)('{"a": 1, "b": ["x"]}') in (True, False)
