"""What the init container writes for the others, read as they read it."""

import stat
from pathlib import Path

import botocore.session
import pytest

from threemaps.basics.variables import read_dotenv
from threemaps.demo.faults import Fault, read, switch
from threemaps.demo.init import main
from threemaps.settings import Settings

ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real #secret/+=",
    "AWS_SESSION_TOKEN": "real-session",
    "HONEYCOMB_API_KEY": "real-ingest-key",
    "HONEYCOMB_CONFIGURATION_KEY": "real-configuration-key",
}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its volumes, and an account in its environment."""
    for folder in ("run", "queue", "faults", "page"):
        (tmp_path / folder).mkdir()
    for name, value in {
        **ACCOUNT,
        "THREEMAPS_STATE": str(tmp_path),
        "THREEMAPS_ENV_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("THREEMAPS_BACKENDS", raising=False)
    return tmp_path


def credentials_in(path: Path) -> tuple[str, str, str | None]:
    """As AWS's own SDK reads the file."""
    session = botocore.session.Session()
    session.set_config_variable("credentials_file", str(path))
    session.get_component("credential_provider").remove("env")
    found = session.get_credentials()
    return found.access_key, found.secret_key, found.token


def test_the_account_reaches_the_collector_whole(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREEMAPS_BACKENDS", "aws")
    assert main() == 0
    file = state / "run" / "aws_credentials"
    assert credentials_in(file) == ("AKIAREAL", "real #secret/+=", "real-session")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_local_mode_has_public_keys_only(state: Path) -> None:
    assert main() == 0
    assert credentials_in(state / "run" / "aws_credentials") == ("local", "local-secret", None)
    written = [path.read_text() for path in state.rglob("*") if path.is_file()]
    assert [value for value in ACCOUNT.values() if any(value in text for text in written)] == []


def test_the_page_reads_its_keys_as_they_were(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREEMAPS_BACKENDS", "cloud")
    assert main() == 0
    file = state / "page" / "reading.env"
    told = read_dotenv(file)
    assert told["AWS_SECRET_ACCESS_KEY"] == "real #secret/+="
    assert told["HONEYCOMB_CONFIGURATION_KEY"] == "real-configuration-key"
    assert "HONEYCOMB_API_KEY" not in told
    reading = Settings.load({"THREEMAPS_ENV_FILE": str(file)})
    assert (reading.honeycomb_is_real, reading.aws_is_real) == (True, True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_missing_keys_are_named(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREEMAPS_BACKENDS", "cloud")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert main() == 0
    told = capsys.readouterr().out
    assert "AWS_SECRET_ACCESS_KEY is not set" in told
    assert told.count("is not set") == 1


def test_a_fault_outlives_a_second_start(state: Path) -> None:
    assert main() == 0
    flags = Settings.load().flags_file
    assert read(flags) == {}
    switch(flags, "users", Fault(latency_ms=300))
    assert main() == 0
    assert read(flags) == {"users": Fault(latency_ms=300)}


def test_a_backend_that_does_not_exist(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREEMAPS_BACKENDS", "datadog")
    assert main() == 2
    assert "'datadog' is no backend" in capsys.readouterr().err
