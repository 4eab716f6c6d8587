"""What Python's own parser says of a line of the service's code: to write there, not to judge it."""

import ast
from pathlib import Path

from threemaps.doctor.files import text_of
from threemaps.doctor.parts import Place
from threemaps.doctor.rules.base import Edit


def nodes_in(file: Path) -> list[ast.AST]:
    """All of a module, as far as it can be read."""
    try:
        return list(ast.walk(ast.parse(file.read_bytes())))
    except (OSError, SyntaxError, ValueError):
        return []


def calls_at(place: Place) -> list[ast.Call]:
    """Those that stand there, however many lines they take."""
    calls = [node for node in nodes_in(place.file) if isinstance(node, ast.Call)]
    return [one for one in calls if one.lineno <= place.line <= (one.end_lineno or one.lineno)]


def keywords_at(place: Place) -> dict[str, ast.keyword]:
    """The named arguments of the calls that stand there."""
    return {str(keyword.arg): keyword for call in calls_at(place) for keyword in call.keywords}


def end_of(place: Place) -> Place:
    """The last line of the statement that stands there."""
    around = [
        node
        for node in nodes_in(place.file)
        if isinstance(node, ast.stmt)
        and not hasattr(node, "body")
        and node.lineno <= place.line <= (node.end_lineno or node.lineno)
    ]
    return Place(place.file, max((node.end_lineno or node.lineno) for node in around)) if around else place


def exchanged(place: Place, node: ast.expr, text: str) -> Edit | None:
    """The line with this text for an expression on it."""
    if node.lineno != node.end_lineno:
        return None
    line = text_of(place.file).splitlines()[node.lineno - 1].encode()
    new = line[: node.col_offset].decode() + text + line[node.end_col_offset :].decode()
    return Edit(place.file, node.lineno, "replace", new)
