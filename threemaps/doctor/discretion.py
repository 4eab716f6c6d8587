"""What the doctor never repeats: keys, passwords, and the logins in addresses."""

import re
from collections.abc import Iterator, Sequence

from threemaps.doctor.probe.privacy import HIDDEN, is_secret

# Of a flag only whole parts count: what --keyfile and --author name is no secret.
FLAG = re.compile(
    r"-.*(?<![a-z])(api-?key|key|headers?|secret|token|pass(w(or)?d|phrase)?|pwd|auth|cookie|dsn)"
)
# What stands before the last @ of a server's name; a password may have anything in it but blanks.
LOGIN = re.compile(r"://(?:[^\s/@]*@|[^\s:/@]*:[^\s]*@)")


def without_logins(text: str) -> str:
    return LOGIN.sub(f"://{HIDDEN}@", text)


def shown(words: Sequence[str]) -> Iterator[str]:
    """A command's words, those that are secret hidden."""
    before = ""
    for word in words:
        name, separator, value = word.partition("=")
        if "YOUR_" in value:  # to be filled in by who reads it
            yield word
        elif separator and (is_secret_flag(name) or (name.isidentifier() and is_secret(name))):
            yield f"{name}={HIDDEN}"
        else:
            is_value = is_secret_flag(before) and not word.startswith("-")
            yield HIDDEN if is_value else without_logins(word)
        before = word


def is_secret_flag(word: str) -> bool:
    return FLAG.fullmatch(word.lower()) is not None
