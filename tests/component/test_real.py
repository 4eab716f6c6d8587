"""`make test-real`: what it says without keys, and that it finds stand-ins the same as themselves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.running import clean_environment
from threemaps.settings import PROJECT
from threemaps.standins import aws
from threemaps.standins.store import Store


def run(tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.real"],
        env={**clean_environment(), "HOME": str(tmp_path), "THREEMAPS_ENV_FILE": os.devnull, **environ},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_without_keys_it_says_what_it_needs(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 2
    assert "needs the keys of an account" in done.stderr
    assert not done.stdout


@pytest.mark.long
def test_an_account_that_is_a_stand_in_is_the_same(tmp_path: Path, serve: Serve) -> None:
    store = Store(tmp_path / "aws.duckdb", aws.SCHEMA)
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local-secret", "AWS_REGION": "us-east-1"}
    done = run(tmp_path, AWS_ENDPOINT_URL=serve(aws.Aws(store, {})), **keys)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("AWS in us-east-1: makes the log group /threemaps/test-real-")
    assert (
        "  same CloudWatch's map: outside > threemaps-real-*-caller 5/0; threemaps-real-*-caller > "
        in done.stdout
    )
    store.close()
