"""Values of anything: they reach the collector, Compose and the page as they are, or are refused by name."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.wider_collector import say
from threemaps.basics.variables import SECRETS, read_dotenv
from threemaps.demo.collector import collector_binary
from threemaps.demo.init import env_file
from threemaps.demo.resolved import collector_environment, config_files, resolved, write_resolved
from threemaps.errors import UserError
from threemaps.settings import Settings

EXACT = [
    *("${env:HOME}", "$$", "$$$x", "$(x)", "`x`", "$HOME", "${file:/etc/passwd}", "${", "}"),
    *("123", "null", "true", "0x1f", "1e5", "~", "[a]", "{a: b}", "- a", "a: b", "a #b", "#c"),
    *('"q"', "'q", "%41", "%s", "a\\nb", "!x", "&x", "*x", "<<", "a b"),
]
REFUSED = ["a\nb", "a\rb", "a\0b", "schlüssel", "鍵", " a", "a ", "\x1b[1m"]


def collectors(state: Path, **variables: str) -> Any:
    """The configuration that the real collector makes of it."""
    given = {"THREEMAPS_STATE": str(state), "THREEMAPS_ENV_FILE": os.devnull, **variables}
    settings = Settings.load(given)
    write_resolved(settings)
    options = ["--mode=unredacted", "--format=json"]
    configs = [f"--config={path}" for path in config_files("otlp")]
    command = [collector_binary(say), "print-config", *options, *configs]
    environment = {"HOME": "/root", **collector_environment(settings)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_lists_reach_the_collector_as_they_are(tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("a:1 = ${env:HOME}\nb:2 = $$ and $(x) ü\nc:3 = 'q\" %41\n", encoding="utf-8")
    mask = r"^\$\{env:HOME\}$$|a'b\"c %41"
    told = collectors(tmp_path / "state", THREEMAPS_NAMES=str(names), THREEMAPS_REDACT_VALUES=mask)
    given = Settings.load(
        {"THREEMAPS_ENV_FILE": os.devnull, "THREEMAPS_NAMES": str(names), "THREEMAPS_REDACT_VALUES": mask}
    )
    processors, files = told["processors"], resolved(given)
    assert processors["redaction/values"]["blocked_values"] == json.loads(files["redact_values"])
    assert processors["redaction/names"]["blocked_key_patterns"] == json.loads(files["redact_keys"])
    assert mask in processors["redaction/values"]["blocked_values"]
    listed = json.dumps(processors["transform/names"])
    for name in ("${env:HOME}", "$$ and $(x) ", "%41"):
        assert name in listed


@pytest.mark.parametrize("key", EXACT)
def test_keys_reach_the_collector_as_they_are(tmp_path: Path, key: str) -> None:
    told = collectors(tmp_path, THREEMAPS_BACKENDS="honeycomb", HONEYCOMB_API_KEY=key)
    headers = told["exporters"]["otlp_http/honeycomb"]["headers"]
    assert {one["name"]: one["value"] for one in headers} == {"x-honeycomb-team": key}


@pytest.mark.parametrize("key", REFUSED)
@pytest.mark.parametrize("name", SECRETS)
def test_what_no_key_has_is_refused_by_name_without_the_key(name: str, key: str) -> None:
    with pytest.raises(UserError, match=f"^{name} ") as refused:
        Settings.load({"THREEMAPS_ENV_FILE": os.devnull, name: key})
    assert key.strip() not in refused.value.message.replace(name, "") or len(key.strip()) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HONEYCOMB_API_ENDPOINT", "https://${env:HOME}"),
        ("AWS_ENDPOINT_URL", "http://a$$b:1"),
        ("AWS_ENDPOINT_URL_XRAY", "http://x/$(id)"),
        ("AWS_REGION", "${env:HOME}"),
        ("THREEMAPS_URL_AWS", "http://${env:HOME}"),
        ("THREEMAPS_STATE", "/tmp/${env:HOME}"),
        ("THREEMAPS_NAMES", "a\nb"),
        ("HONEYCOMB_MCP_ENDPOINT", "https://a\nb"),
    ],
)
def test_addresses_are_refused_by_name(variable: str, value: str) -> None:
    given = {"THREEMAPS_BACKENDS": "cloud", "THREEMAPS_ENV_FILE": os.devnull, variable: value}
    with pytest.raises(UserError, match=f"^{variable}="):
        Settings.load(given)


@pytest.mark.parametrize("name", ["a b", "a:b", "a#b", "a'b", 'a"b', "a%41b", "ü漢", "a\\b", "- a: [b", "*"])
def test_folders_of_any_name(tmp_path: Path, name: str) -> None:
    told = collectors(tmp_path / name)
    assert told["extensions"]["file_storage"]["directory"] == str(tmp_path / name / "queue")


@pytest.mark.parametrize("value", [one for one in EXACT if "'" not in one])
def test_the_page_reads_its_settings_as_they_are(tmp_path: Path, value: str) -> None:
    file = tmp_path / "reading.env"
    file.write_text(env_file({"HONEYCOMB_API_KEY": value, "AWS_PROFILE": "x"}))
    assert read_dotenv(file) == {"HONEYCOMB_API_KEY": value, "AWS_PROFILE": "x"}
    with pytest.raises(UserError, match="HONEYCOMB_API_KEY has a '"):
        env_file({"HONEYCOMB_API_KEY": f"{value}'"})


@pytest.mark.parametrize("value", ["a$b", "${HOME}", '"a$b"', r'"a\nb"', "$(id)"])
def test_what_compose_would_change_in_env_files_is_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"HONEYCOMB_API_KEY={value}\n")
    with pytest.raises(UserError, match=r"HONEYCOMB_API_KEY has a \$ or"):
        read_dotenv(file)
    file.write_text(f"HONEYCOMB_API_KEY='{value}'\nOTHER={value}\n")
    assert read_dotenv(file)["HONEYCOMB_API_KEY"] == value
