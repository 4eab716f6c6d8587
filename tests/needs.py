"""What some tests need beyond Python. No fixture installs it: it is named, with the command that gets it."""

import os
from typing import NoReturn

import pytest

COMMAND = "make test-tools"


def missing(what: str) -> NoReturn:
    """Skips the test with the command as the reason; fails it where CI is set and every test has to run."""
    reason = f"{what} is not here. Type: {COMMAND}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
