"""Filter expressions: read into a tree that says of a trace whether it matches. Pure.

service("api") { fault OR responsetime > 2.5 } AND annotation.account = "12345"
"""

from collections.abc import Callable

from threemaps.standins.xray.matching import (
    BOOLEANS,
    NUMBERS,
    STRINGS,
    And,
    Annotation,
    Edge,
    Expression,
    GroupIs,
    Keyword,
    NodePattern,
    Not,
    Or,
    Service,
    Value,
)
from threemaps.standins.xray.tokens import FilterError, Token, tokens_of, unquoted

MAX_DEPTH = 50

COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
TEXT_COMPARISONS = frozenset({"contains", "beginswith", "endswith"})


def parse(text: str) -> Expression:
    """The expression, or a FilterError."""
    parser = _Parser(tokens_of(text))
    expression = parser.any_of()
    parser.expect_end()
    return expression


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._inside = ""

    def any_of(self) -> Expression:
        """OR binds less than AND, and two conditions side by side mean AND."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterError(f"the expression is nested more than {MAX_DEPTH} deep")
        choices = [self._all_of()]
        while self._take_word("or"):
            choices.append(self._all_of())
        self._depth -= 1
        return choices[0] if len(choices) == 1 else Or(tuple(choices))

    def _all_of(self) -> Expression:
        conditions = [self._negated()]
        while self._take_word("and") or self._starts_condition():
            conditions.append(self._negated())
        return conditions[0] if len(conditions) == 1 else And(tuple(conditions))

    def _starts_condition(self) -> bool:
        token = self._peek()
        if token is None:
            return False
        return token.text in ("!", "(") if token.kind == "sign" else token.text.lower() != "or"

    def _negated(self) -> Expression:
        negated = False
        while self._take_sign("!") or self._take_word("not"):
            negated = not negated
        condition = self._condition()
        return Not(condition) if negated else condition

    def _condition(self) -> Expression:
        if self._take_sign("("):
            inner = self.any_of()
            self._expect(")")
            return inner
        token = self._next("a keyword")
        if token.kind != "word":
            raise FilterError(f"{token.text} at position {token.at} is no keyword")
        return self._keyword(token)

    def _keyword(self, token: Token) -> Expression:
        word = token.text.lower()
        if word in ("service", "edge", "id"):
            return self._node_or_edge(word)
        if word == "annotation" or word.startswith("annotation."):
            return self._annotation(token)
        if word in ("group.name", "group.arn"):
            self._expect("=")
            return GroupIs(self._string())
        if word in BOOLEANS:
            return self._compared(Keyword, word, (bool,), COMPARISONS & {"=", "!="})
        if word in NUMBERS:
            return self._compared(Keyword, word, (float,), COMPARISONS)
        if word in STRINGS:
            return self._compared(Keyword, word, (str,), TEXT_COMPARISONS | {"=", "!="})
        raise FilterError(f"{token.text!r} at position {token.at} is no keyword that is known")

    def _node_or_edge(self, word: str) -> Expression:
        if self._inside:
            raise FilterError(f"{word}() cannot stand inside the braces of {self._inside}()")
        self._expect("(")
        if word == "edge":
            source = self._pattern()
            self._expect(",")
            target = self._pattern()
            self._expect(")")
            return Edge(source, target, self._braces(word))
        pattern = self._id_fields() if word == "id" else self._pattern()
        self._expect(")")
        return Service(pattern, self._braces(word))

    def _pattern(self) -> NodePattern:
        token = self._peek()
        if token is not None and token.kind == "string":
            return NodePattern(name=self._string())
        if self._take_word("id"):
            self._expect("(")
            pattern = self._id_fields()
            self._expect(")")
            return pattern
        return NodePattern()

    def _id_fields(self) -> NodePattern:
        fields: dict[str, str] = {}
        while not self._sees(")"):
            word = self._next("name or type").text.lower()
            if word not in ("name", "type", "account.id") or word in fields:
                raise FilterError(f"id() takes name and type, not {word!r}")
            self._expect(":")
            fields[word] = self._string()
            if not self._take_sign(","):
                break
        return NodePattern(fields.get("name"), fields.get("type"))

    def _braces(self, word: str) -> Expression | None:
        if not self._take_sign("{"):
            return None
        self._inside = word
        inner = self.any_of()
        self._inside = ""
        self._expect("}")
        return inner

    def _annotation(self, token: Token) -> Expression:
        if self._inside:
            raise FilterError(f"an annotation cannot stand inside the braces of {self._inside}()")
        key = token.text.partition(".")[2]
        if not key:
            self._expect("[")
            inner = self._next("an annotation's key")
            key = unquoted(inner.text) if inner.kind == "string" else inner.text
            self._expect("]")
        return self._compared(Annotation, key, (bool, float, str), COMPARISONS | TEXT_COMPARISONS)

    def _compared(
        self,
        make: Callable[[str, str, Value | None], Expression],
        name: str,
        types: tuple[type, ...],
        allowed: frozenset[str],
    ) -> Expression:
        token = self._peek()
        operator = token.text.lower() if token is not None else ""
        if operator not in COMPARISONS | TEXT_COMPARISONS:
            return make(name, "", None)
        if operator not in allowed:
            raise FilterError(f"{name} cannot be compared with {operator.upper()}")
        self._at += 1
        value = self._value()
        if not isinstance(value, types) or (operator in TEXT_COMPARISONS and not isinstance(value, str)):
            raise FilterError(f"{name} {operator.upper()} takes no {value!r}")
        return make(name, operator, value)

    def _value(self) -> Value:
        token = self._next("a value")
        if token.kind == "string":
            return unquoted(token.text)
        if token.kind == "number":
            return float(token.text)
        if token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        raise FilterError(f"{token.text} at position {token.at} is no value: a text goes in quotation marks")

    def _string(self) -> str:
        token = self._next("a text in quotation marks")
        if token.kind != "string":
            raise FilterError(f"{token.text} at position {token.at} must be in quotation marks")
        return unquoted(token.text)

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self, wanted: str) -> Token:
        token = self._peek()
        if token is None:
            raise FilterError(f"the expression ends where {wanted} is expected")
        self._at += 1
        return token

    def _sees(self, sign: str) -> bool:
        token = self._peek()
        return token is not None and token.kind == "sign" and token.text == sign

    def _take_sign(self, sign: str) -> bool:
        taken = self._sees(sign)
        self._at += taken
        return taken

    def _take_word(self, word: str) -> bool:
        token = self._peek()
        taken = token is not None and token.kind == "word" and token.text.lower() == word
        self._at += taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._take_sign(sign):
            token = self._peek()
            found = f"{token.text} at position {token.at}" if token else "the end"
            raise FilterError(f"{sign} is expected, not {found}")

    def expect_end(self) -> None:
        token = self._peek()
        if token is not None:
            raise FilterError(f"{token.text} at position {token.at} is not expected")
