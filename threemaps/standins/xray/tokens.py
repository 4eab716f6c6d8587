"""The words and signs of a filter expression."""

import re
from dataclasses import dataclass

MAX_LENGTH = 4000

TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<word>[A-Za-z_][\w.\-]*)
    | (?P<sign><=|>=|!=|[=<>!(){},:\[\]])
    )""",
    re.VERBOSE,
)


class FilterError(Exception):
    """An expression that means nothing, and why."""


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: int


def tokens_of(text: str) -> list[Token]:
    if len(text) > MAX_LENGTH:
        raise FilterError(f"the expression has {len(text)} characters, more than {MAX_LENGTH}")
    tokens = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise FilterError(f"cannot read {text[at : at + 20].strip()!r} at position {at}")
        tokens.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return tokens


def unquoted(text: str) -> str:
    """What stands between the quotation marks."""
    return re.sub(r"\\(.)", r"\1", text[1:-1])
