"""Every page of an AWS answer."""

from collections.abc import Callable, Iterator
from typing import Any

from threemaps.readers.base import MAX_PAGES, UnreadableError


def pages(call: Callable[..., Any], token: str, what: str, **arguments: Any) -> Iterator[Any]:
    """The pages of `call(**arguments)`, empty ones too, until one names no next.

    `token` is the argument and the answer's field that name the next page; `what` is read, for the message of
    the UnreadableError where the pages lead back to one that was read.
    """
    seen: set[str] = set()
    for _ in range(MAX_PAGES):
        page = call(**arguments)
        yield page
        following = page.get(token)
        if not following:
            return
        if following in seen:
            break
        seen.add(following)
        arguments[token] = following
    raise UnreadableError(f"{what} has no last page", hint="try again, or a shorter --since")
