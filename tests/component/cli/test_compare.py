"""`threemaps compare` and `threemaps snapshot` as processes: what they print, and how they end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve, free_port
from tests.running import SHORT_TIMES
from tests.unit.compare.maps import a_map
from tests.unit.compare.world import World
from tests.unit.render import examples
from threemaps.cli.compare import rendered
from threemaps.model.servicemap import ServiceMap

WHOLE = a_map("(outside)>web 40 0", "web>api 40 2", "api>db:5432! 40 0")
BETWEEN = a_map("web>api 40")
THREEMAPS = Path(sys.executable).parent / "threemaps"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def the_world(
    honeycomb: ServiceMap = BETWEEN, xray: ServiceMap = WHOLE, cloudwatch: ServiceMap = WHOLE, **more: Any
) -> World:
    return World(honeycomb, xray, cloudwatch, **more)


@pytest.fixture
def run(serve: Serve, tmp_path: Path) -> Run:
    """Runs threemaps in an empty folder, with a world for its vendors and nothing of the user's around it."""

    def run(
        *arguments: str, world: World | None = None, **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        url = serve(world.app) if world else f"http://127.0.0.1:{free_port()}"
        clean = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        ours = {
            "HOME": str(tmp_path),
            "THREEMAPS_STATE": str(tmp_path / "state"),
            "THREEMAPS_ENV_FILE": os.devnull,
            "THREEMAPS_URL_HONEYCOMB": url,
            "THREEMAPS_URL_AWS": url,
            "THREEMAPS_PORT_HONEYCOMB": str(free_port()),
            "THREEMAPS_PORT_AWS": str(free_port()),
            "THREEMAPS_URL_COLLECTOR_METRICS": f"http://127.0.0.1:{free_port()}",
            "AWS_EC2_METADATA_DISABLED": "true",
            **SHORT_TIMES,
        }
        return subprocess.run(
            [THREEMAPS, *arguments],
            env={**clean, **ours, **environ},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_maps_that_agree(run: Run) -> None:
    done = run("compare", "--format", "json", world=the_world())
    document = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert document["agree"] is True
    assert set(document["maps"]) == {"honeycomb", "xray", "cloudwatch"}
    assert {(one["source"], one["target"]) for one in document["differences"] if one["target"]} == {
        ("outside", "web"),
        ("api", "db:5432"),
    }
    assert all(one["expected"] for one in document["differences"])


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = examples.differing()
    assert "\x1b[" in rendered(shown, "table", to_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in rendered(shown, "table", to_terminal=True)


def test_a_dumb_terminal_gets_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in rendered(examples.differing(), "table", to_terminal=True)


def test_a_filter_that_nobody_matches_is_not_taken_for_silence(run: Run) -> None:
    done = run("compare", "--service", "nob*", world=the_world())
    assert done.returncode == 1
    assert done.stdout.startswith("nothing to compare")
    assert "touches 'nob*'" in done.stdout
    assert "threemaps traffic" not in done.stdout + done.stderr


def test_maps_that_differ(run: Run) -> None:
    less = a_map("(outside)>web 40 0", "web>api 33 2", "api>db:5432! 40 0")
    done = run("compare", "--format", "json", world=the_world(xray=less))
    document = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    [found] = [one for one in document["differences"] if not one["expected"]]
    assert (found["kind"], found["source"], found["target"]) == ("requests", "web", "api")
    assert found["diverging"] == ["xray"]
    assert found["values"] == {"honeycomb": 40, "xray": 33, "cloudwatch": 40}
    assert any("collector's own metrics" in line for line in found["evidence"])


def test_an_unreadable_backend_leaves_the_other_two(run: Run) -> None:
    done = run("compare", "--format", "json", world=the_world(refusals={"honeycomb": 403}))
    document = json.loads(done.stdout)
    assert done.returncode == 2
    assert document["maps"]["honeycomb"] is None
    assert document["maps"]["xray"]["edges"]
    unexpected = [one for one in document["differences"] if not one["expected"]]
    assert [one["kind"] for one in unexpected] == ["unreadable"]
    assert unexpected[0]["advice"]


def test_no_backend_at_all(run: Run) -> None:
    done = run("compare", "--format", "json")
    assert done.returncode == 2
    assert set(json.loads(done.stdout)["maps"].values()) == {None}
    assert "Traceback" not in done.stderr


def test_empty_maps_are_said_to_be_empty(run: Run) -> None:
    done = run("compare", "--since", "1m", "--format", "json", world=the_world())
    assert done.returncode == 0
    assert "threemaps doctor" in done.stderr
    assert json.loads(done.stdout)["maps"]["xray"] == {"nodes": [], "edges": []}


def test_a_snapshot_is_a_source_and_a_contract(run: Run, tmp_path: Path) -> None:
    saved = run("snapshot", "xray", "--output", "map.json", world=the_world())
    assert saved.returncode == 0, saved.stderr
    assert "4 nodes, 3 edges" in saved.stdout
    same = run("compare", "map.json", "xray", "--expect", "map.json", "--format", "json", world=the_world())
    assert set(json.loads(same.stdout)["maps"]) == {"map.json", "xray"}
    document = json.loads((tmp_path / "map.json").read_text())
    document["edges"] = [one for one in document["edges"] if one["source"] != "web"]
    (tmp_path / "map.json").write_text(json.dumps(document))
    broken = run("compare", "xray", "--expect", "map.json", "--format", "json", world=the_world())
    assert broken.returncode == 1
    assert "the contract has no edge web → api" in broken.stdout


@pytest.mark.parametrize("format_", ["json", "table", "html"])
def test_a_file_may_be_called_anything(run: Run, tmp_path: Path, format_: str) -> None:
    """Python holds the bytes of such a name as halves of surrogate pairs."""
    name = os.fsdecode(b"caf\xe9.json")
    run("snapshot", "xray", "--output", "plain.json", world=the_world())
    (tmp_path / "plain.json").rename(tmp_path / name)
    done = run("compare", "xray", name, "--format", format_, world=the_world())
    assert done.returncode == 0, done.stderr
    assert done.stdout
    if format_ == "json":
        assert set(json.loads(done.stdout)["maps"]) == {"xray", name}


def test_the_edges_that_touch_a_name(run: Run) -> None:
    done = run("compare", "--service", "d*", "--format", "json", world=the_world())
    [edge] = json.loads(done.stdout)["maps"]["xray"]["edges"]
    assert edge["target"] == "db:5432"


def test_a_map_of_which_the_filter_leaves_nothing_is_not_said_to_be_empty(run: Run) -> None:
    for xray, is_empty in ((a_map("web>other 1"), False), (a_map(), True)):
        done = run("compare", "--service", "d*", "--format", "json", world=the_world(xray=xray))
        found = json.loads(done.stdout)["differences"]
        causes = [one["cause"] for one in found if "xray" in one["diverging"]]
        assert causes
        assert all(("nothing at all" in cause) is is_empty for cause in causes)


def test_a_named_source_with_a_key_and_no_demo_is_the_users_account(run: Run, serve: Serve) -> None:
    url = serve(the_world().app)
    mine = {
        "THREEMAPS_URL_HONEYCOMB": "",
        "THREEMAPS_URL_AWS": "",
        "HONEYCOMB_API_ENDPOINT": url,
        "HONEYCOMB_CONFIGURATION_KEY": "key-of-the-user",
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "id-of-the-user",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-user",
    }
    done = run("compare", "honeycomb", "xray", "--format", "json", **mine)
    assert done.returncode == 0, done.stderr
    assert f"reading your Honeycomb account at {url}" in done.stderr
    assert "reading your AWS account in us-east-1" in done.stderr
    assert "key-of-the-user" not in done.stdout + done.stderr
    local = run("compare", "honeycomb", "xray", "--format", "json", **mine, THREEMAPS_BACKENDS="local")
    assert local.returncode == 2
    assert "reading your" not in local.stderr
    unnamed = run("compare", "--format", "json", **mine)
    assert "reading your" not in unnamed.stderr


def test_output_goes_to_a_file(run: Run, tmp_path: Path) -> None:
    done = run("compare", "--format", "json", "--output", "out.json", world=the_world())
    assert done.stdout == ""
    assert json.loads((tmp_path / "out.json").read_text())["agree"] is True


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["compare", "--since", "soon"], "'soon'"),
        (["compare", "honycomb", "xray"], "'honycomb'"),
        (["compare", "xray"], "one source"),
        (["compare", "--format", "png"], "'png'"),
        (["compare", "--expect", "no-such-file"], "no-such-file"),
        (["compare", "--format", "json", "--output", "no/such/folder/x"], "no/such/folder/x"),
        (["snapshot", "xray", "--since", "1w", "--output", "x"], "'1w'"),
        (["snapshot", "xray"], "--output"),
        (["snapshot", "xray", "--output", "x"], "could not be reached"),
    ],
)
def test_mistakes_end_with_2_and_name_the_value(run: Run, arguments: list[str], complaint: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
