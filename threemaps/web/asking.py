"""Questions to a backend whose silence hides nothing else on a page."""

from collections.abc import Callable
from typing import TypeVar

from threemaps.errors import UserError
from threemaps.readers import UnreadableError

Found = TypeVar("Found")


def tried(read: Callable[[], Found]) -> tuple[Found | None, UserError | None]:
    """What was read, or why it could not be."""
    try:
        return read(), None
    except UnreadableError as error:
        return None, error
