"""What `threemaps up` says before it starts anything."""

import os

from threemaps.cli.up import what_is_missing
from threemaps.settings import Settings


def settings_with(**variables: str) -> Settings:
    return Settings.load({"THREEMAPS_ENV_FILE": os.devnull, **variables})


def test_a_key_that_is_missing_is_named_with_what_to_type() -> None:
    said = what_is_missing(settings_with(THREEMAPS_BACKENDS="honeycomb"))
    assert said[0].startswith("HONEYCOMB_API_KEY is not set")
    assert "export HONEYCOMB_API_KEY=" in said[1]


def test_nothing_is_missing_where_the_key_is_there_or_not_needed() -> None:
    assert what_is_missing(settings_with()) == []
    assert what_is_missing(settings_with(THREEMAPS_BACKENDS="aws")) == []
    assert what_is_missing(settings_with(THREEMAPS_BACKENDS="honeycomb", HONEYCOMB_API_KEY="k")) == []
