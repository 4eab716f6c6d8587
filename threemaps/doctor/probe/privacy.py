"""What may leave the process: shapes of keys, never keys."""

import os
import re
from urllib.parse import unquote

HIDDEN = "…"
SHORTEST = 6  # a shorter text is no secret, and would be hidden all over the place
SECRET = re.compile(r"KEY|HEADERS|SECRET|TOKEN|PASS|PWD|CREDENTIAL|AUTH(?!OR)|COOKIE|DSN", re.IGNORECASE)
LOGIN = re.compile(r"://(?:[^\s/@\"]*@|[^\s:/@\"]*:[^\s\"]*@)")
KEY_KIND = re.compile(r"hc[a-z]{2}[ck]_|hc[a-z]ic_")
# Variables whose value decides about telemetry; of all others only the name is reported.
OURS = re.compile(
    r"OTEL_|AWS_XRAY|HONEYCOMB_|ROLLBAR_|FLASK_|GUNICORN_|WERKZEUG_|THREEMAPS_|AWS_(DEFAULT_)?REGION|AWS_PROFILE"
    r"|PYTHON(PATH|OPTIMIZE|NOUSERSITE|SAFEPATH)|PATH$|VIRTUAL_ENV|PORT$|(no|http|https|all|grpc|no_grpc)_proxy",
    re.IGNORECASE,
)
known: "set[str]" = set()


def is_secret(name: str) -> bool:
    return SECRET.search(name) is not None and name not in {"PWD", "OLDPWD"}


def remember(value: object) -> None:
    """From now on this text leaves the process no more."""
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode(errors="replace")
    if isinstance(value, str) and len(value.strip()) >= SHORTEST:
        known.add(value.strip())
        known.add(unquote(value.strip()))


def shape(value: object) -> str:
    """`hcaik_aaaa0000…`: letters and digits replaced; a Honeycomb key's kind and all punctuation kept."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    remember(text.strip("\"' "))
    found = KEY_KIND.search(text)
    head = text[: found.end()] if found and not text[: found.start()].strip("\"' ") else ""
    rest = text[len(head) :]
    return head + re.sub(r"[0-9]", "0", re.sub(r"[A-Z]", "A", re.sub(r"[^\W\d_A-Z]", "a", rest)))


def headers_shape(text: str) -> str:
    """The variable as it was written, the values replaced by their shape."""
    pairs = []
    for pair in text.split(","):
        name, separator, value = pair.partition("=")
        if not separator and ":" in pair:
            name, separator, value = pair.partition(":")
        pairs.append(f"{name}{separator}{shape(value)}" if separator else shape(name))
    return ",".join(pairs)


def environ(variables: "os._Environ[str] | dict[str, str]") -> "dict[str, str]":
    shown = {}
    for name, value in variables.items():
        if "HEADERS" in name.upper() and OURS.match(name):
            shown[name] = headers_shape(value)
        elif is_secret(name):
            shown[name] = shape(value)
        else:
            shown[name] = LOGIN.sub(f"://{HIDDEN}@", value) if OURS.match(name) else ""
    return shown


def hidden_word(word: str) -> str:
    name, separator, value = word.partition("=")
    if separator and is_secret(name):
        remember(value)
        return f"{name}={HIDDEN}"
    return word


def hide(text: str) -> str:
    """The last look at a line before it leaves."""
    for value in known:
        if value in text:
            text = text.replace(value, HIDDEN)
    return LOGIN.sub(f"://{HIDDEN}@", text)
