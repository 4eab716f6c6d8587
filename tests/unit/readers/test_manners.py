"""Each reader says how it has to be read, in both modes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from threemaps.readers import BACKENDS, open_backend
from threemaps.settings import Settings

LOCAL = Settings.load({"THREEMAPS_ENV_FILE": "/nonexistent"}, project=Path("/nonexistent"))
KEYS = {"HONEYCOMB_CONFIGURATION_KEY": "hcalk_1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
REAL = replace(LOCAL, honeycomb_is_real=True, aws_is_real=True, environ={**LOCAL.environ, **KEYS})


@pytest.mark.parametrize("name", BACKENDS)
def test_a_stand_in_shows_at_once_what_an_account_shows_late(name: str) -> None:
    local, real = open_backend(name, LOCAL).manners, open_backend(name, REAL).manners

    assert local.lag == timedelta()
    assert real.lag > local.lag
    assert real.poll > local.poll
    assert real.grain == local.grain
