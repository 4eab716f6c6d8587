"""Inputs of anything, how many are tried, and what counts as a refusal."""

import contextlib
import os
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from threemaps.errors import UserError

# How many inputs each test tried: conftest.py prints them for whoever runs this with -rP.
TRIED: Counter[str] = Counter()
# FUZZ=20 tries twenty times what the suite has time for.
TIMES = float(os.environ.get("FUZZ", "1"))
PATIENT = pytest.mark.timeout(180 * max(1.0, TIMES))


def examples(count: int) -> settings:
    most = round(count * TIMES)
    return settings(max_examples=most, suppress_health_check=list(HealthCheck))


QUICK = examples(150)
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)
KEYS = ("nodes", "edges", "name", "kind", "source", "target", "requests", "window", "start", "end", "version")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)
LIKELY = st.sampled_from(
    ("local", "cloud", "aws", "0", "65536", "-1", "1e3", "(", "a" * 5000, "é", "x,y", " ")
)


def refused_or_done(act: Callable[[], object]) -> None:
    """Any other exception than a refusal would be a traceback for the user."""
    with contextlib.suppress(UserError):
        act()
