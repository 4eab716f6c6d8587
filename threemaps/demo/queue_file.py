"""Whether a queue's file is damaged: bbolt panics over it and does not say which file it was.

A page begins with its own number; the first two say where the tree begins.
"""

import struct
from pathlib import Path

PAGE = struct.Struct("<QHHI")  # number, kind, elements, further pages that belong to it
META = struct.Struct("<IIIIQQQQQQ")  # magic, _, page size, _, root, _, _, end, transaction, sum
BRANCH, LEAF = 1, 2
BRANCH_ELEMENT = struct.Struct("<IIQ")  # position, key, page
LEAF_ELEMENT = struct.Struct("<IIII")  # kind, position, key, value
BUCKET = 1
MAGIC, PAGE_SIZES = 0xED0CDAED, (4096, 8192, 16384, 65536)


class DamagedError(Exception):
    """What is wrong, for developers."""


def is_damaged(file: Path) -> bool:
    """False for what cannot be read, which has another cause, and for an empty one."""
    try:
        content = file.read_bytes()
    except OSError:
        return False
    if not content:
        return False
    try:
        size, root, end = _newest_meta(content)
        _walk(content, size, root, end, set())
    except (DamagedError, struct.error):
        return True
    return False


def _newest_meta(content: bytes) -> tuple[int, int, int]:
    """Page size, root and end of the newer one of both that is whole."""
    found = []
    size = META.unpack_from(content, PAGE.size)[2]
    for at in (PAGE.size, (size if size in PAGE_SIZES else PAGE_SIZES[0]) + PAGE.size):
        if len(content) >= at + META.size:
            magic, _, size_here, _, root, _, _, end, transaction, total = META.unpack_from(content, at)
            if magic == MAGIC and total == _fnv1a(content[at : at + META.size - 8]):
                found.append((transaction, size_here, root, end))
    if not found:
        raise DamagedError("no meta page is whole")
    return max(found)[1:]


def _walk(content: bytes, size: int, number: int, end: int, seen: set[int]) -> None:
    at = number * size
    own, kind, count, more = PAGE.unpack_from(content, at)
    if own != number or kind not in (BRANCH, LEAF) or not 1 < number < end or number in seen:
        raise DamagedError(f"page {number} says that it is {own} of kind {kind}")
    seen.add(number)
    element = BRANCH_ELEMENT if kind == BRANCH else LEAF_ELEMENT
    for begin in range(at + PAGE.size, at + PAGE.size + count * element.size, element.size):
        fields = element.unpack_from(content, begin)
        lengths = fields[:2] if kind == BRANCH else fields[1:]
        if begin + sum(lengths) > at + (1 + more) * size:
            raise DamagedError(f"page {number} has an element beyond its end")
        if kind == BRANCH:
            _walk(content, size, fields[2], end, seen)
        elif fields[0] == BUCKET:
            root = struct.unpack_from("<Q", content, begin + fields[1] + fields[2])[0]
            if root:  # else it is in the element itself
                _walk(content, size, root, end, seen)


def _fnv1a(content: bytes) -> int:
    total = 0xCBF29CE484222325
    for byte in content:
        total = (total ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return total
