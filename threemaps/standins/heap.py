"""How a process that takes in much and rests long deals with its memory."""

import ctypes
import gc

# A request of a thousand spans makes some ten thousand objects, none of them in a circle.
NEW_OBJECTS = 20_000
_M_ARENA_MAX = -8


def share_one_heap() -> None:
    """For all threads, where there is glibc, and before there are threads.

    Each would get a heap of its own, and what stays in one keeps the memory around it from the system.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def collect_rarely() -> None:
    """What is loaded by now stays, and is not gone through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
