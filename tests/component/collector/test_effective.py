"""What the core and its parts come to together: each list has one owner, and the real collector takes it."""

import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.wider_collector import say
from threemaps.basics.variables import XRAY_INGESTS
from threemaps.demo.collector import collector_binary
from threemaps.demo.resolved import CONFIG, PARTS, config_files, write_resolved
from threemaps.settings import Settings

EFFECTIVE = Path(__file__).with_name("effective.yaml")
AWS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}  # nobody's
each_ingest = pytest.mark.parametrize("ingest", XRAY_INGESTS)


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) or {}


def merged(files: tuple[Path, ...]) -> Any:
    """As the collector merges its --config files: maps deep, all else replaced."""
    result: Any = {}
    for file in files:
        result = over(result, loaded(file))
    return result


def over(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {name: over(below.get(name), value) for name, value in above.items()}


def lists(tree: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where in it a list stands."""
    if isinstance(tree, list):
        yield at
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield from lists(value, (*at, str(name)))


@pytest.mark.parametrize("gateway", [False, True])
@each_ingest
def test_no_list_is_given_by_two_parts(ingest: str, gateway: bool) -> None:
    parts = config_files(ingest, gateway=gateway)[1:]
    for one, other in itertools.combinations(parts, 2):
        assert set(lists(loaded(one))) & set(lists(loaded(other))) == set(), (one.name, other.name)


def test_every_part_is_loaded_somewhere_and_says_when() -> None:
    used = {path for ingest in XRAY_INGESTS for path in config_files(ingest)}
    used |= {path for ingest in XRAY_INGESTS for path in config_files(ingest, gateway=True)}
    assert set(PARTS.glob("*.yaml")) == used - {CONFIG}
    for part in PARTS.glob("*.yaml"):
        opening = "".join(
            itertools.takewhile(lambda line: line.startswith("#"), part.read_text().splitlines())
        )
        assert "oaded" in opening, part.name
    assert loaded(PARTS / "yours.yaml") == {}


def test_the_core_is_short() -> None:
    lines = CONFIG.read_text().splitlines()
    assert len(lines) <= 80
    assert max(map(len, lines)) <= 120


def test_the_effective_configuration_is_the_checked_in_one() -> None:
    """For whoever changes a part: what it changes in the whole. Written anew by `python -m` this module."""
    assert yaml.safe_load(EFFECTIVE.read_text()) == merged(config_files("otlp"))


@pytest.mark.parametrize("region", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_core_is_valid_alone(region: str) -> None:
    validate((CONFIG,), {"HONEYCOMB_API_KEY": "key", region: "eu-central-1"})


@each_ingest
def test_all_parts_are_valid_together(tmp_path: Path, ingest: str) -> None:
    settings = Settings.load({"THREEMAPS_STATE": str(tmp_path), "THREEMAPS_ENV_FILE": os.devnull})
    write_resolved(settings)
    given = {"HONEYCOMB_API_KEY": "key", "AWS_REGION": "eu-central-1", "THREEMAPS_RUN": str(settings.run)}
    validate(config_files(ingest), given)


def validate(files: tuple[Path, ...], given: dict[str, str]) -> None:
    command = [collector_binary(say), "validate", *(f"--config={file}" for file in files)]
    done = subprocess.run(command, env={**AWS, **given}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    dumper = yaml.SafeDumper
    dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]
    options: dict[str, Any] = {"default_flow_style": None, "width": 118, "allow_unicode": True}
    EFFECTIVE.write_text(yaml.dump(merged(config_files("otlp")), Dumper=dumper, **options))
