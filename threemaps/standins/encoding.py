"""Rows as the one document with which they enter the store: JSON, and behind it the texts that are its bulk.

DuckDB takes a list of long texts out of JSON three times as slowly as it cuts one text into pieces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

# Fewer rows are written out: documents of one form can enter the store in one statement.
CONSTANTS_PAY = 200
# Stands in no JSON, nor in what JSON writers make of any text.
SEPARATOR = "\x1e"


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """A column that is `constant` stands in the document once, the others as lists of equal length.

    The texts of the column `bulk` follow the JSON, each after a separator.
    """

    names: tuple[str, ...]
    constant: tuple[bool, ...]
    document: bytes
    bulk: str | None = None

    def parts(self) -> tuple[str, ...]:
        """The JSON, and the texts if there is a bulk."""
        document, _, texts = self.document.decode().partition(SEPARATOR)
        return (document,) if self.bulk is None else (document, texts)


def encode_rows(columns: Mapping[str, Sequence[Any]], bulk: str | None = None) -> EncodedRows:
    """`bulk` is the column with the most text, which does not come first."""
    texts = None if bulk is None else _joined(columns[bulk])
    if texts is None:
        return _encoded(columns)
    others = {name: values for name, values in columns.items() if name != bulk}
    return _encoded(others, bulk, f"{SEPARATOR}{texts}")


def _joined(values: Sequence[str | None]) -> str | None:
    """None where they could not be told apart afterwards."""
    if None in values:
        return None
    texts = SEPARATOR.join(values)  # type: ignore[arg-type]
    return texts if texts.count(SEPARATOR) == len(values) - 1 else None


def _encoded(columns: Mapping[str, Sequence[Any]], bulk: str | None = None, texts: str = "") -> EncodedRows:
    constant = _constant_columns(columns)
    header = {
        name: values[0] if same else values
        for same, (name, values) in zip(constant, columns.items(), strict=True)
    }
    document = orjson.dumps(header, option=orjson.OPT_NON_STR_KEYS) + texts.encode()
    return EncodedRows(tuple(columns), constant, document, bulk)


def _constant_columns(columns: Mapping[str, Sequence[Any]]) -> tuple[bool, ...]:
    """Which columns have one value throughout; never the first, which tells how many rows there are."""
    first, *others = columns.values()
    if len(first) < CONSTANTS_PAY:
        return (False,) * len(columns)
    return (False, *(values[0] == values[-1] and values.count(values[0]) == len(values) for values in others))
