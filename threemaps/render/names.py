"""Names as people may see them: nothing in them moves a cursor, turns the writing around or breaks a file."""

import json
import unicodedata
from html import escape

from rich.cells import cell_len, chop_cells, set_cell_size

# What a backend is called on a picture; a snapshot keeps the name of its file.
TITLES = {"honeycomb": "Honeycomb", "xray": "AWS X-Ray", "cloudwatch": "CloudWatch"}
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
JOINER = "\N{ZERO WIDTH JOINER}"  # holds emoji together
MOST_MARKS = 2  # combining marks on one letter; more of them pile up over other lines
LONGEST = 400


def shown(name: str) -> str:
    """The name with every character that is not to be seen made visible, and an end to it."""
    if name and len(name) <= LONGEST and name.isascii() and name.isprintable():
        return name
    parts: list[str] = []
    marks = 0
    for character in shortened_text(name):
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= MOST_MARKS:
            parts.append(_visible(character, category))
    return "".join(parts) or "(no name)"


def shortened_text(text: str) -> str:
    """A very long text without its middle, so that nothing after this takes long."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}…{text[-LONGEST // 2 :]}"


def _visible(character: str, category: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)  # the control pictures: ␀ ␛
    is_no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    unseen = category in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and character != JOINER
    if unseen or is_no_character:
        return REPLACEMENT
    return character


def fitted(name: str, cells: int, head_share: float = 0.5) -> str:
    """The name in at most so many cells of a terminal, shortened in the middle or where `head_share` says."""
    text = shown(name)
    if cell_len(text) <= cells:
        return text
    head = set_cell_size(text, int(cells * head_share)).rstrip()
    room = cells - 1 - cell_len(head)
    start = len(text)
    while start and cell_len(text[start - 1 :]) <= room:
        start -= 1
    return f"{head}…{text[start:]}"


def wrapped(text: str, cells: int) -> list[str]:
    """Lines of at most so many cells; a word that is longer is cut."""
    lines = [""]
    for word in shown(text).split():
        gap = " " if lines[-1] else ""
        if cell_len(lines[-1] + gap + word) <= cells:
            lines[-1] += gap + word
            continue
        lines = [line for line in lines if line] + chop_cells(word, cells)
    return lines


def value_text(value: object) -> str:
    """An attribute's value as people read it: text as it is, anything else as JSON."""
    return shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def title(source: str) -> str:
    return TITLES.get(source) or shown(source)


def markup(name: str) -> str:
    """For HTML and SVG, text and attributes alike."""
    return escape(shown(name), quote=True)
