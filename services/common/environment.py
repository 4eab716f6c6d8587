"""Reads variables; says which one is wrong, and how."""

import logging
import os

MAX_BODY_BYTES = 16_384  # of a request; larger ones are refused unread


def text(name: str, default: str) -> str:
    return os.environ.get(name) or default


def number(name: str, default: float) -> float:
    given = text(name, str(default))
    try:
        value = float(given)
    except ValueError:
        value = 0.0
    if not 0 < value < 86_400:
        raise SystemExit(f"{name}={given!r} is no positive number; for example {name}={default:g}")
    return value


def log_level() -> str:
    given = text("LOG_LEVEL", "INFO")
    if given.upper() not in logging.getLevelNamesMapping():
        raise SystemExit(f"LOG_LEVEL={given!r} is no level; for example LOG_LEVEL=INFO")
    return given.upper()


def switch(name: str) -> bool:
    return text(name, "0").lower() in ("1", "true", "yes", "on")
