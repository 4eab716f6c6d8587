"""Which account is read: never the user's own unless it was asked for."""

import os
from pathlib import Path

import psutil
import pytest

from threemaps.demo.processes import Running, records
from threemaps.readers.accounts import reading_settings
from threemaps.settings import Settings

HONEYCOMB = {"HONEYCOMB_CONFIGURATION_KEY": "key"}
AWS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture(autouse=True)
def _no_keys_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def settings(tmp_path: Path, **environ: str) -> Settings:
    return Settings.load({"THREEMAPS_STATE": str(tmp_path), "THREEMAPS_ENV_FILE": os.devnull, **environ})


def read(found: Settings, *named: str) -> tuple[bool, bool, int]:
    chosen, notes = reading_settings(found, named)
    return chosen.honeycomb_is_real, chosen.aws_is_real, len(notes)


def test_keys_that_lie_around_are_not_used(tmp_path: Path) -> None:
    assert read(settings(tmp_path, **HONEYCOMB, **AWS)) == (False, False, 0)


def test_a_named_source_with_keys_is_the_users_account(tmp_path: Path) -> None:
    both = settings(tmp_path, **HONEYCOMB, **AWS)
    assert read(both, "honeycomb") == (True, False, 1)
    assert read(both, "xray") == (False, True, 1)
    assert read(both, "cloudwatch", "before.json") == (False, True, 1)
    assert read(both, "honeycomb", "xray") == (True, True, 2)


def test_a_named_source_without_keys_is_the_stand_in(tmp_path: Path) -> None:
    assert read(settings(tmp_path), "honeycomb", "xray") == (False, False, 0)


def test_what_was_set_has_the_say(tmp_path: Path) -> None:
    local = settings(tmp_path, THREEMAPS_BACKENDS="local", **HONEYCOMB, **AWS)
    assert read(local, "honeycomb", "xray") == (False, False, 0)
    one = settings(tmp_path, THREEMAPS_BACKENDS="honeycomb", **HONEYCOMB, **AWS)
    assert read(one, "honeycomb", "xray") == (True, False, 0)
    assert read(settings(tmp_path, THREEMAPS_BACKENDS="cloud", **HONEYCOMB, **AWS)) == (True, True, 0)


def test_in_a_container_the_stand_ins_are_read(tmp_path: Path) -> None:
    inside = settings(tmp_path, THREEMAPS_URL_AWS="http://aws:8082", **HONEYCOMB, **AWS)
    assert read(inside, "honeycomb", "xray") == (False, False, 0)


def test_a_profile_or_a_credentials_file_counts_as_keys(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = id\naws_secret_access_key = secret\n"
    )
    assert read(settings(tmp_path), "xray") == (False, True, 1)
    assert read(settings(tmp_path, AWS_PROFILE="no-such-profile"), "xray") == (False, False, 0)


def test_endpoints_are_respected_and_said(tmp_path: Path) -> None:
    moved = settings(
        tmp_path,
        **HONEYCOMB,
        **AWS,
        HONEYCOMB_API_ENDPOINT="https://api.eu1.honeycomb.io",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_REGION="eu-central-1",
    )
    chosen, notes = reading_settings(moved, ["honeycomb", "xray"])
    assert chosen.honeycomb_api == "https://api.eu1.honeycomb.io"
    assert chosen.aws_endpoint == "http://127.0.0.1:9"
    assert notes == [
        "reading your Honeycomb account at https://api.eu1.honeycomb.io",
        "reading your AWS account in eu-central-1 at http://127.0.0.1:9",
    ]


def test_while_the_demo_runs_its_stand_ins_are_read(tmp_path: Path) -> None:
    both = settings(tmp_path, **HONEYCOMB, **AWS)
    me = psutil.Process()
    both.run.mkdir(parents=True)
    records(both).save({"aws": Running("aws", me.pid, me.create_time(), "")})
    assert read(both, "honeycomb", "xray") == (False, False, 0)
    records(both).save({"aws": Running("aws", me.pid, me.create_time() - 100, "")})
    assert read(both, "honeycomb", "xray") == (True, True, 2)
