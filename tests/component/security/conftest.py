"""How much the fuzzing tried."""

import sys
from collections.abc import Iterator

import pytest

from tests.component.security.inputs import TRIED


@pytest.fixture(scope="module", autouse=True)
def tell() -> Iterator[None]:
    """Printed with -rP."""
    before = TRIED.copy()
    yield
    sys.stdout.write(f"\ninputs tried: {dict(TRIED - before)}")
