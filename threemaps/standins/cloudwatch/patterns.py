"""Filter patterns: terms (`ERROR -debug ?warn "two words"`) and JSON (`{ $.level = "ERROR" }`)."""

import re
from collections.abc import Callable
from fnmatch import translate
from typing import Any

import orjson

from threemaps.standins.cloudwatch.exceptions import invalid

Matcher = Callable[[str], bool]
JsonMatcher = Callable[[Any], bool]

MAX_DEPTH = 50
MAX_REGEXES = 2
MISSING = object()

TERM = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|%((?:[^%\\]|\\.)*)%|(\S+))')
TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<regex>%(?:[^%\\]|\\.)*%)|(?P<path>\$(?:\.[\w@\-*]+|\."[^"]*"|\.?\["[^"]*"\]
    |\.?\['[^']*'\]|\[(?:\d{1,6}|\*)\])+)|(?P<sign>&&|\|\||!=|>=|<=|[=<>(){}])|(?P<word>[^\s(){}=<>!&|"]+))""",
    re.VERBOSE,
)
STEP = re.compile(r"""\.([\w@\-*]+)|\.?\[?"([^"]*)"\]?|\.?\['([^']*)'\]|\[(\d+|\*)\]""")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def compile_pattern(pattern: str) -> Matcher:
    """A test for one message; an empty pattern matches all."""
    text = pattern.strip()
    if text.startswith("{"):
        return _json_pattern(text)
    if text.startswith("["):
        raise invalid("Invalid filter pattern: space-delimited patterns are not supported")
    return _terms(text)


def _terms(text: str) -> Matcher:
    """All plain terms, none of those with -, and one of those with ? where there are any."""
    needed: list[Matcher] = []
    optional: list[Matcher] = []
    excluded: list[Matcher] = []
    position = 0
    while position < len(text):
        match = TERM.match(text, position)
        if match is None:
            raise invalid(f"Invalid filter pattern at {text[position : position + 20]!r}")
        sign, quoted, regex, word = match.groups()
        if word is not None and word.startswith('"'):
            raise invalid(f"Invalid filter pattern: the quotation mark of {word[:20]} is not closed")
        term = _regex(regex) if regex is not None else _contains(_unescaped(quoted) if word is None else word)
        {"": needed, "?": optional, "-": excluded}[sign].append(term)
        position = match.end()
    if optional and needed:
        # As documented: beside plain terms the optional ones are ignored.
        optional = []
    if len(needed) == 1 and not excluded:
        return needed[0]
    return lambda message: (
        all(term(message) for term in needed)
        and not any(term(message) for term in excluded)
        and (not optional or any(term(message) for term in optional))
    )


def _contains(term: str) -> Matcher:
    return lambda message: term in message


def _regex(pattern: str) -> Matcher:
    if "(" in pattern or ")" in pattern:
        raise invalid(f"Invalid regular expression %{pattern}%: parentheses are not supported")
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError) as error:
        raise invalid(f"Invalid regular expression %{pattern}%: {error}") from None
    return lambda message: compiled.search(message) is not None


def _json_pattern(text: str) -> Matcher:
    parser = _JsonParser(text)
    test = parser.whole()

    def matches(message: str) -> bool:
        try:
            return test(orjson.loads(message))
        except orjson.JSONDecodeError:
            return False

    return matches


class _JsonParser:
    """`{ … }` with comparisons, IS, EXISTS, && before ||, and parentheses."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        self._depth = 0
        position = 0
        while text[position:].strip():
            match = TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise invalid(f"Invalid filter pattern at {text[position : position + 20]!r}")
            self._tokens.append((match.lastgroup, match.group(match.lastgroup)))
            position = match.end()
        if sum(kind == "regex" for kind, _ in self._tokens) > MAX_REGEXES:
            raise invalid(f"Invalid filter pattern: more than {MAX_REGEXES} regular expressions")

    def whole(self) -> JsonMatcher:
        self._expect("{")
        test = self._either()
        self._expect("}")
        if self._at != len(self._tokens):
            raise invalid("Invalid filter pattern: something stands behind the closing brace")
        return test

    def _either(self) -> JsonMatcher:
        tests = [self._both()]
        while self._take("||"):
            tests.append(self._both())
        return lambda value: any(test(value) for test in tests)

    def _both(self) -> JsonMatcher:
        tests = [self._single()]
        while self._take("&&"):
            tests.append(self._single())
        return lambda value: all(test(value) for test in tests)

    def _single(self) -> JsonMatcher:
        if self._take("("):
            return self._grouped()
        kind, text = self._next()
        if kind != "path":
            raise invalid(f"Invalid filter pattern: a property like $.name is expected, not {text!r}")
        steps = _steps(text)
        test = self._condition()
        return lambda value: any(test(found) for found in _resolve(value, steps))

    def _grouped(self) -> JsonMatcher:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise invalid(f"Invalid filter pattern: it is nested more than {MAX_DEPTH} deep")
        test = self._either()
        self._expect(")")
        self._depth -= 1
        return test

    def _condition(self) -> JsonMatcher:
        kind, operator = self._next()
        word = operator.upper()
        if kind == "word" and word in ("EXISTS", "NOT"):
            if word == "NOT" and self._next()[1].upper() != "EXISTS":
                raise invalid("Invalid filter pattern: EXISTS is expected behind NOT")
            return (
                (lambda value: value is not MISSING) if word == "EXISTS" else (lambda value: value is MISSING)
            )
        if kind == "word" and word == "IS":
            wanted = {"TRUE": True, "FALSE": False, "NULL": None}.get(self._next()[1].upper(), MISSING)
            if wanted is MISSING:
                raise invalid("Invalid filter pattern: IS takes TRUE, FALSE or NULL")
            return lambda value: value is wanted
        if operator not in ("=", "!=", "<", ">", "<=", ">="):
            raise invalid(f"Invalid filter pattern: an operator is expected, not {operator!r}")
        return _comparison(operator, *self._next())

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise invalid("Invalid filter pattern: it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, sign: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("sign", sign):
            self._at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise invalid(f"Invalid filter pattern: {sign} is missing")


def _comparison(operator: str, kind: str, text: str) -> JsonMatcher:
    """Numbers compare as numbers; texts are equal or not, with * as a wildcard."""
    if kind == "sign" or kind == "path":
        raise invalid(f"Invalid filter pattern: a value is expected, not {text!r}")
    number = _number(text) if kind == "word" else None
    if number is not None:
        return _numeric(operator, number)
    if operator not in ("=", "!="):
        raise invalid(f"Invalid filter pattern: {operator} needs a number, not {text!r}")
    matches = (
        _regex(text[1:-1])
        if kind == "regex"
        else _wildcard(_unescaped(text[1:-1]) if kind == "string" else text)
    )
    wanted = operator == "="
    return lambda value: value is not MISSING and (matches(_as_text(value)) is wanted)


def _numeric(operator: str, number: float) -> JsonMatcher:
    compare: dict[str, Callable[[float], bool]] = {
        "=": lambda value: value == number,
        "!=": lambda value: value != number,
        "<": lambda value: value < number,
        ">": lambda value: value > number,
        "<=": lambda value: value <= number,
        ">=": lambda value: value >= number,
    }
    test = compare[operator]
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and test(value)


def _wildcard(text: str) -> Matcher:
    compiled = re.compile(translate(text.replace("[", "[[]").replace("?", "[?]")))
    return lambda value: compiled.match(value) is not None


def _steps(path: str) -> list[str | int]:
    found = []
    for name, double, single, index in STEP.findall(path):
        found.append(int(index) if index.isdigit() else index or name or double or single)
    return found


def _resolve(value: Any, steps: list[str | int]) -> list[Any]:
    """What stands at the path; several values behind a *, MISSING where there is none."""
    values = [value]
    for step in steps:
        following: list[Any] = []
        for item in values:
            if step == "*":
                following += list(
                    item.values() if isinstance(item, dict) else item if isinstance(item, list) else []
                )
            elif isinstance(step, int):
                following.append(item[step] if isinstance(item, list) and step < len(item) else MISSING)
            else:
                following.append(item.get(step, MISSING) if isinstance(item, dict) else MISSING)
        values = following
    return values


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _number(text: str) -> float | None:
    return float(text) if NUMBER.fullmatch(text) else None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
