"""What the collector masks: collector/redaction.yaml and what the user adds, as the collector reads it."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from threemaps.errors import UserError
from threemaps.settings import PROJECT, Settings

LISTS = PROJECT / "collector" / "redaction.yaml"
VARIABLES = {"keys": "THREEMAPS_REDACT_KEYS", "values": "THREEMAPS_REDACT_VALUES"}
NOTHING = r"[^\s\S]"  # matches no text
# Python has these and the collector's RE2 does not; one of them would stop the collector.
NOT_IN_RE2 = re.compile(r"\(\?(?:[=!>]|<[=!]|P=|\()|\\[1-9]")


def redaction_files(settings: Settings) -> dict[str, str]:
    lists = {kind: patterns(settings, kind) for kind in VARIABLES}
    return {
        # Names match faster as one pattern; values do apart, since most begin with something to look for.
        "redact_keys": json.dumps([one_of(lists["keys"])] if lists["keys"] else []),
        "redact_values": json.dumps(lists["values"]),
        "redact_in_text": json.dumps([masking(pattern) for pattern in lists["values"] or [NOTHING]]),
        "redact_never": json.dumps(_listed("never")),
        "redact_not_by_name": json.dumps(_listed("never") + unmatched(_listed("usual"), lists["keys"])),
    }


def masking(pattern: str) -> str:
    """A statement of the collector's: the redaction processor does not look at a status' text."""
    return f'replace_pattern(span.status.message, {json.dumps(pattern)}, "****")'


def unmatched(names: list[str], patterns: list[str]) -> list[str]:
    """Those that no pattern is for. In doubt one is: Python reads RE2's `[[:alpha:]]` otherwise."""
    if any("[:" in pattern for pattern in patterns):
        return []
    return [name for name in names if not any(re.search(pattern, name) for pattern in patterns)]


def one_of(patterns: list[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def patterns(settings: Settings, kind: str) -> list[str]:
    """The file's list, then the user's pattern."""
    added = settings.get(VARIABLES[kind])
    found = [(pattern, LISTS.name) for pattern in _listed(kind)]
    if added:
        found.append((added, VARIABLES[kind]))
    for pattern, place in found:
        _require_pattern(pattern, place)
    return [pattern for pattern, _ in found]


def _listed(kind: str) -> list[Any]:
    content = _content(LISTS)
    listed = content.get(kind) if isinstance(content, Mapping) else None
    if not isinstance(listed, list):
        raise UserError(f"{LISTS} has no list named {kind}", hint=f"write `{kind}: []` for none", exit_code=2)
    return listed


@cache
def _content(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: {error}", hint="mend the file", exit_code=2) from error


def _require_pattern(pattern: object, place: str) -> None:
    try:
        if not isinstance(pattern, str) or not pattern:
            raise re.error("it is no text")
        re.compile(pattern)
        unknown = NOT_IN_RE2.search(pattern)
        if unknown:
            raise re.error(f"{unknown.group()} is not in RE2")
    except re.error as error:
        raise UserError(
            f"{place}: {pattern!r} is no pattern ({error})",
            hint="write a regular expression of RE2: no lookaround, no back-references",
            exit_code=2,
        ) from None
