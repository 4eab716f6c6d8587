"""Variables and command lines of anything."""

import contextlib
import os
import re
import resource
import runpy
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from services.activities import create_app as activities
from services.frontend_api import create_app as frontend_api
from services.users import create_app as users
from tests.component.security.inputs import LIKELY, PATIENT, QUICK, TEXT, TRIED, examples, refused_or_done
from threemaps.account.spend import parse_budget
from threemaps.cli.main import COMMANDS, cli
from threemaps.demo import system
from threemaps.demo.collector import collector_binary
from threemaps.demo.resolved import resolved
from threemaps.errors import UserError
from threemaps.readers import BACKENDS, open_backend
from threemaps.settings import PORTS, PROJECT, SERVICES, Settings
from threemaps.tracing.environment import MODES, service_environment
from threemaps.web.tries import offered

pytestmark = PATIENT

NAMED = re.compile(
    r'"((?:THREEMAPS|HONEYCOMB|AWS|ROLLBAR|CLOUDWATCH|SERVICE|LOG|PEER|[A-Z]+_TIMEOUT)_[A-Z_]+)"'
)
SOURCES = [path for folder in ("threemaps", "services") for path in (PROJECT / folder).rglob("*.py")]
# Every variable that the code names, and those that it puts together.
VARIABLES = sorted(
    {name for path in SOURCES for name in NAMED.findall(path.read_text())}
    | {f"THREEMAPS_{what}_{name.upper()}" for name in PORTS for what in ("PORT", "URL")}
    # Where this very test keeps its own things.
    - {"THREEMAPS_ENV_FILE"}
)


def use_settings(given_: dict[str, str]) -> None:
    """All that `up` does before it starts something, and what the readers do before they ask."""
    loaded = Settings.load({"THREEMAPS_ENV_FILE": os.devnull, **given_})
    resolved(loaded)
    for mode in MODES:
        for service in SERVICES:
            service_environment(loaded, service, mode)
    system.local_specs(loaded), system.web_spec(loaded)
    system.guard_spec(loaded, Path("x")), system.collector_spec(loaded, Path("x"))
    for source in BACKENDS:
        refused_or_done(partial(open_backend, source, loaded))
    parse_budget(loaded.get("THREEMAPS_BUDGET", "1"))
    offered(loaded)
    if "THREEMAPS_COLLECTOR" in given_:
        collector_binary(print, loaded.environ)


@examples(70)
@given(given_=st.dictionaries(st.sampled_from(VARIABLES), TEXT | LIKELY, min_size=1, max_size=5))
def test_variables_of_anything(given_: dict[str, str]) -> None:
    refused_or_done(lambda: use_settings(given_))
    TRIED["variables"] += len(given_)


@QUICK
@given(given_=st.dictionaries(st.sampled_from(VARIABLES), TEXT | LIKELY, min_size=1, max_size=3))
def test_a_service_with_variables_of_anything(given_: dict[str, str]) -> None:
    """It starts, or says in one line which variable is wrong."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given_.items():
            patch.setenv(name, value)
        for create_app in (frontend_api, activities, users):
            with contextlib.suppress(SystemExit):
                create_app().test_client().get("/api/health")
        with contextlib.suppress(SystemExit):
            runpy.run_path(str(PROJECT / "services" / "gunicorn.conf.py"))
        resource.setrlimit(resource.RLIMIT_NOFILE, files)  # which that file has set
    TRIED["variables"] += len(given_)


# These run whole, with nobody to talk to; the others, which would start or stop things, are only parsed.
HARMLESS = ("compare", "fault")


@st.composite
def typed(draw: st.DrawFn) -> list[str]:
    name = draw(st.sampled_from(tuple(COMMANDS)))
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    options = [option for one in command.params for option in one.opts if option.startswith("-")]
    words = draw(st.lists(st.sampled_from(options or ["--help"]) | TEXT | LIKELY, max_size=5))
    return [name, *words]


@QUICK
@given(words=typed())
def test_a_command_line_of_anything(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    TRIED["command lines"] += 1
    if words[0] not in HARMLESS:
        command = cli.get_command(click.Context(cli), words[0])
        assert command is not None
        with contextlib.suppress(click.ClickException, click.exceptions.Exit, UserError):
            command.make_context(words[0], words[1:])
        return
    folder = tmp_path_factory.getbasetemp()
    nobody = {f"THREEMAPS_PORT_{name.upper()}": "1" for name in PORTS}
    nobody |= {"THREEMAPS_STATE": str(folder), "THREEMAPS_ENV_FILE": os.devnull, "AWS_MAX_ATTEMPTS": "1"}
    with contextlib.chdir(folder):
        done = CliRunner(env=nobody).invoke(cli, words)
    assert done.exception is None or isinstance(done.exception, SystemExit | UserError), (
        words,
        done.exception,
    )
    assert done.exit_code in {0, 1, 2}, (words, done.output)
