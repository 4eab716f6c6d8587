"""Somebody else's files, in whatever encoding they are."""

import codecs
from pathlib import Path

# The longer ones first: UTF-32's begins with UTF-16's.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def text_of(file: Path) -> str:
    """As pip reads it: by its byte order mark, else UTF-8. A byte that means nothing hides its line only."""
    try:
        data = file.read_bytes()
    except OSError:
        return ""
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    return data.decode(encoding, errors="replace")
