"""What came in from outside, checked. Every refusal says what was wrong and what is right."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from flask import Request
from werkzeug.exceptions import BadRequest, HTTPException

from services.common.problems import Problem

HANDLE = re.compile(r"[A-Za-z0-9_]{1,30}", re.ASCII)
MAX_MESSAGE = 280
# Line breaks and tabs belong to a text. Other control characters and lone surrogates do not.
ALLOWED_CONTROLS = "\n\r\t"
FORBIDDEN_CATEGORIES = ("Cc", "Cs")


@dataclass(frozen=True, slots=True)
class NewActivity:
    handle: str
    message: str


def checked_handle(value: object) -> str:
    if not isinstance(value, str):
        raise Problem(400, "invalid_handle", f"handle must be a string, not {json_type(value)}")
    handle = value.removeprefix("@")
    if not HANDLE.fullmatch(handle):
        raise Problem(400, "invalid_handle", "handle must be 1 to 30 letters, digits or underscores")
    return handle.lower()


def checked_message(value: object) -> str:
    if not isinstance(value, str):
        raise Problem(400, "invalid_message", f"message must be a string, not {json_type(value)}")
    message = value.strip()
    if not message:
        raise Problem(400, "invalid_message", "message must not be empty")
    if len(message) > MAX_MESSAGE:
        length = len(message)
        raise Problem(400, "invalid_message", f"message has {length} characters; at most {MAX_MESSAGE}")
    if any(_is_forbidden(character) for character in message):
        raise Problem(400, "invalid_message", "message must not contain control characters")
    return message


def _is_forbidden(character: str) -> bool:
    return unicodedata.category(character) in FORBIDDEN_CATEGORIES and character not in ALLOWED_CONTROLS


def new_activity(request: Request) -> NewActivity:
    body = json_object(request)
    missing = [name for name in ("handle", "message") if name not in body]
    if missing:
        raise Problem(400, f"missing_{missing[0]}", 'expected {"handle": "…", "message": "…"}')
    return NewActivity(checked_handle(body["handle"]), checked_message(body["message"]))


def json_object(request: Request) -> dict[str, Any]:
    if not request.is_json:
        raise Problem(415, "unsupported_media_type", "send JSON, with Content-Type: application/json")
    read_to_its_end(request)
    try:
        body = request.get_json(cache=False)
    except (BadRequest, RecursionError, UnicodeError) as error:
        raise Problem(400, "invalid_json", "the body is no JSON that can be read") from error
    if not isinstance(body, dict):
        raise Problem(400, "invalid_json", f"expected a JSON object, not {json_type(body)}")
    return body


def read_to_its_end(request: Request) -> None:
    """A body that breaks off or is chunked wrongly is the sender's mistake, in the server's own words."""
    try:
        request.get_data()
    except HTTPException:
        raise
    except Exception as error:  # each server has errors of its own for it
        raise Problem(400, "invalid_body", f"the body cannot be read to its end: {error}") from error


def json_type(value: object) -> str:
    """The name that JSON has for it."""
    names: dict[type, str] = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "null")
