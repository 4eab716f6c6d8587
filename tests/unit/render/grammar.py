"""Strict readers for what `render` writes as Graphviz and Mermaid, after the published grammars."""

import re

DOT_TOKENS = re.compile(
    r'\s+|(?P<string>"(?:[^"\\]|\\.)*")|(?P<id>[A-Za-z_][A-Za-z_0-9]*|-?(?:\.\d+|\d+(?:\.\d*)?))|(?P<mark>->|[{}\[\]=,;])'
)


def dot_tokens(text: str) -> list[str]:
    position, tokens = 0, []
    while position < len(text):
        match = DOT_TOKENS.match(text, position)
        assert match, f"no token of Graphviz at {text[position : position + 40]!r}"
        position = match.end()
        if match.lastgroup:
            tokens.append(match.group())
    return tokens


class Dot:
    """graph: 'digraph' id '{' stmt* '}'; stmt: id '=' id | subgraph | node or edge with attributes."""

    def __init__(self, text: str) -> None:
        self.tokens = dot_tokens(text)
        self.nodes: dict[str, dict[str, str]] = {}
        self.edges: list[tuple[str, str, dict[str, str]]] = []
        self.take("digraph")
        self.name()
        self.block()
        assert not self.tokens, f"left over: {self.tokens[:5]}"

    def take(self, expected: str) -> None:
        found = self.tokens.pop(0)
        assert found == expected, f"{found!r} where {expected!r} should be"

    def name(self) -> str:
        found = self.tokens.pop(0)
        assert re.fullmatch(r'".*"|[A-Za-z0-9_.-]+', found, re.DOTALL), f"{found!r} is no id"
        return found

    def block(self) -> None:
        self.take("{")
        while self.tokens[0] != "}":
            self.statement()
        self.take("}")

    def statement(self) -> None:
        if self.tokens[0] == "subgraph":
            self.take("subgraph")
            self.name()
            self.block()
            return
        first = self.name()
        if self.tokens[0] == "=":
            self.take("=")
            self.name()
        elif self.tokens[0] == "->":
            self.take("->")
            self.edges.append((first, self.name(), self.attributes()))
        else:
            self.nodes[first] = self.attributes()

    def attributes(self) -> dict[str, str]:
        found = {}
        self.take("[")
        while self.tokens[0] != "]":
            key = self.name()
            self.take("=")
            found[key] = self.name()
            if self.tokens[0] == ",":
                self.take(",")
        self.take("]")
        return found


LABEL = r'"(?:[\w /.:,–…-]|#\d+;)*"'
MERMAID_LINES = [
    re.compile(pattern)
    for pattern in (
        r"flowchart TB",
        r"  %% [\w .,:-]+",
        r"  classDef \w+ [\w:#,. -]+",
        rf"  subgraph m\d+\[{LABEL}\]",
        rf"    m\d+n[0-9a-f]+(?:\[{LABEL}\]|\(\[{LABEL}\]\)|\[\[{LABEL}\]\])(?::::(?:missing|differs))?",
        rf"    m\d+n[0-9a-f]+ (?:-->|==>)\|{LABEL}\| m\d+n[0-9a-f]+",
        r'    m\d+n[0-9a-f]+ -\. "missing" \.-> m\d+n[0-9a-f]+',
        r"  end",
    )
]


def check_mermaid(text: str) -> None:
    for line in text.split("\n")[:-1]:
        assert any(pattern.fullmatch(line) for pattern in MERMAID_LINES), f"no line of Mermaid: {line!r}"
