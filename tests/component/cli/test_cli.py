"""What holds for every command."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.running import CLI, clean_environment
from threemaps.cli.main import COMMANDS, cli


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CLI, *arguments], capture_output=True, text=True, env=clean_environment(), stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert f"threemaps {name}" in result.output.partition("Examples:")[2]


def test_help_lists_every_command_and_loads_none() -> None:
    probe = (
        "import sys; from threemaps.cli.main import cli; cli(['--help'], standalone_mode=False);"
        "print([m for m in sys.modules if m.split('.')[0] in ('boto3', 'flask', 'requests')])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["frobnicate"], "frobnicate"),
        (["traffic", "--requests", "many"], "many"),
        (["traffic", "--requests", "-1"], "-1"),
        (["traffic", "--rate", "nan"], "nan"),
        (["compare", "nosuch.json"], "nosuch.json"),
        (["compare", "--expect", ""], "no service map"),
        (["up", "--tracing", "zipkin"], "zipkin"),
        (["up", "--tracing", "otel,billing=otel"], "billing"),
        (["compare", "--since", "soon"], "soon"),
        (["compare", "--format", "gif"], "gif"),
        (["compare", "--output", ""], "'' is no name of a file"),
        (["snapshot", "xray", "--output", "nowhere/map.json"], "there is no folder 'nowhere'"),
        (["status", "--nonsense"], "--nonsense"),
        *((["trace", "--", text], "is no trace id") for text in ("", "xyz", "1-123-456", "g" * 32)),
        (["logs", "--", "../../etc/passwd"], "is no trace id"),
    ],
)
def test_usage_errors_name_the_bad_value_without_a_traceback(arguments: list[str], named: str) -> None:
    done = run(*arguments)
    assert done.returncode in (2, 64)
    assert named in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize("loading", ["click", "threemaps.settings", "threemaps.cli.status"])
def test_ctrl_c_has_an_exit_code_of_its_own_and_no_traceback(loading: str) -> None:
    """1 would say that maps differ. Here it comes while a module is being loaded."""
    probe = f"""
import os, signal, sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == {loading!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
sys.argv = ["threemaps", "status"]
from threemaps.entry import main
main()
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr


def test_output_that_finds_no_room_is_named() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([CLI, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "threemaps: the output: No space left on device"
    assert len(done.stderr.splitlines()) == 2


def test_a_reader_who_goes_away_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([CLI, "spend", "--help"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("command", "variable", "value", "told"),
    [
        ("status", "THREEMAPS_PORT_WEB", "http", "THREEMAPS_PORT_WEB='http' is no port"),
        ("fault --clear", "THREEMAPS_STATE", "/dev/null", "/dev/null/faults: Not a directory"),
    ],
)
def test_a_wrong_variable_is_an_error_of_two_lines(
    command: str, variable: str, value: str, told: str
) -> None:
    environment = {**clean_environment(), variable: value}
    done = subprocess.run([CLI, *command.split()], capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    first, advice = done.stderr.splitlines()
    assert first == f"threemaps: {told}"
    assert advice.startswith("  → ")
