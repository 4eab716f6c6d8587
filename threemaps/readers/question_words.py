"""A question in the words of Honeycomb's query builder → its query: VISUALIZE, GROUP BY and WHERE."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from threemaps.errors import UserError

CALCULATION = re.compile(r"\s*([A-Za-z0-9_]+)\s*(?:\(\s*(.*?)\s*\))?\s*")
WITHOUT_VALUE = ("does-not-exist", "exists")
SIGNS = ("!=", ">=", "<=", "=", ">", "<")
WORDS = (
    *("starts-with", "does-not-start-with", "ends-with", "does-not-end-with", "contains", "does-not-contain"),
    *(*WITHOUT_VALUE, "in", "not-in"),
)
# Around a sign there may be no space, around a word there has to be.
CONDITION = re.compile(rf"\s*(\S+?)(?:\s*({'|'.join(SIGNS)})\s*|\s+({'|'.join(WORDS)})(?:\s+|$))(.*?)\s*")
MOST_GROUPS = 100


def question_of(visualize: Sequence[str], group_by: Sequence[str], where: Sequence[str]) -> dict[str, Any]:
    """The first calculation orders the groups, largest first. A UserError names what cannot be read."""
    calculations = [calculation_of(text) for text in visualize or ("COUNT",)]
    first = calculations[0]
    return {
        "calculations": calculations,
        "breakdowns": list(group_by),
        "filters": [condition_of(text) for text in where],
        "orders": [] if first["op"] == "HEATMAP" else [{**first, "order": "descending"}],
        "limit": MOST_GROUPS,
    }


def labels(question: Mapping[str, Any]) -> list[str]:
    """What Honeycomb calls the columns of the calculations."""
    return [
        f"{one['op']}({one['column']})" if "column" in one else one["op"] for one in question["calculations"]
    ]


def calculation_of(text: str) -> dict[str, str]:
    """`COUNT` or `P90(duration_ms)`."""
    found = CALCULATION.fullmatch(text)
    op = found[1].upper() if found else ""
    column = found[2] if found else None
    if not op or bool(column) == (op == "COUNT"):
        raise UserError(
            f"--visualize {text[:80]!r} is no calculation",
            hint="COUNT, or an operation on a column: P90(duration_ms), COUNT_DISTINCT(user.id)",
            exit_code=2,
        )
    return {"op": op, "column": column} if column else {"op": op}


def condition_of(text: str) -> dict[str, Any]:
    """`service.name = users`, `duration_ms > 100`, `error exists`, `name in a,b`."""
    found = CONDITION.fullmatch(text)
    column, op, value = (found[1], found[2] or found[3], found[4]) if found else ("", "", "")
    if not op or (not value) != (op in WITHOUT_VALUE):
        raise UserError(
            f"--where {text[:80]!r} is no condition",
            hint=f"as in 'service.name = users'; operators: {', '.join((*SIGNS, *WORDS))}",
            exit_code=2,
        )
    if op in WITHOUT_VALUE:
        return {"column": column, "op": op}
    if op in ("in", "not-in"):
        return {"column": column, "op": op, "value": [typed(one.strip()) for one in value.split(",")]}
    return {"column": column, "op": op, "value": typed(value)}


def typed(text: str) -> str | int | float | bool:
    """A number or true and false where it is one; in quotes it is a text."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text)
    except ValueError:
        pass
    return float(text) if re.fullmatch(r"-?\d+\.\d+", text) else text
