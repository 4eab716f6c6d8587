"""Rows as the one JSON document with which they enter the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

# Fewer rows are written out: documents of one form can enter the store in one statement.
CONSTANTS_PAY = 200


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """A column that is `constant` stands in the document once, the others as lists of equal length."""

    names: tuple[str, ...]
    constant: tuple[bool, ...]
    document: bytes


def encode_rows(columns: Mapping[str, Sequence[Any]]) -> EncodedRows:
    constant = _constant_columns(columns)
    document = {
        name: values[0] if same else values
        for same, (name, values) in zip(constant, columns.items(), strict=True)
    }
    return EncodedRows(tuple(columns), constant, orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))


def _constant_columns(columns: Mapping[str, Sequence[Any]]) -> tuple[bool, ...]:
    """Which columns have one value throughout; never the first, which tells how many rows there are."""
    first, *others = columns.values()
    if len(first) < CONSTANTS_PAY:
        return (False,) * len(columns)
    return (False, *(values.count(values[0]) == len(values) for values in others))
