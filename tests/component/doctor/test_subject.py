"""A command, read as the shell would run it, and said again without its secrets."""

import shlex
from pathlib import Path

import pytest

from threemaps.doctor.check import broken
from threemaps.doctor.subject import from_command
from threemaps.errors import UserError

OUTSIDE = {"PATH": "/usr/bin", "HOME": "/root", "A": "1", "B": "2"}
EMPTY = {"A": "", "B": "", "PATH": "", "HOME": ""}


@pytest.mark.parametrize(
    ("wrapped", "changes"),
    [
        ("env -u A", {"A": ""}),
        ("env -uA --unset=B", {"A": "", "B": ""}),
        ("env --unset A C=3", {"A": "", "C": "3"}),
        ("env -i", EMPTY),
        ("env - B=2", {**EMPTY, "B": "2"}),
        ("env -iu A C=3", {**EMPTY, "C": "3"}),
        ("env -S 'C=3 nohup'", {"C": "3"}),
        ("timeout 5", {}),
        ("timeout -s KILL --kill-after 3 5", {}),
        ("timeout --signal=INT -k3 5 env B=3", {"B": "3"}),
        ("nice -n 5 stdbuf -oL setsid time -p", {}),
        ("exec -a shop", {}),
    ],
)
def test_what_stands_before_the_program(wrapped: str, changes: dict[str, str]) -> None:
    words = [*shlex.split(wrapped), "python", "app.py"]
    subject = from_command(words, OUTSIDE, Path("/"))
    assert subject.argv == ("python", "app.py")
    wanted = {**OUTSIDE, **changes}
    assert subject.environ == {name: value for name, value in wanted.items() if value}


@pytest.mark.parametrize("wrapped", ["env -u A", "env -u A -u B C=3", "env -i A=1 C=3"])
def test_a_command_said_again_runs_with_the_same(wrapped: str) -> None:
    many = {**OUTSIDE, **{f"X{number}": "x" for number in range(9)}}
    first = from_command([*wrapped.split(), "python", "app.py"], many, Path("/"))
    again = from_command(shlex.split(first.command), many, Path("/"))
    assert (again.argv, again.environ) == (first.argv, first.environ)
    set_anew = from_command(shlex.split(first.setting("A", "7")), many, Path("/"))
    assert set_anew.environ == {**first.environ, "A": "7"}


def test_another_folder_is_not_followed() -> None:
    with pytest.raises(UserError, match="another folder"):
        from_command(["env", "-C", "/tmp", "python", "app.py"], {}, Path("/"))


@pytest.mark.parametrize(
    "words",
    [
        ["MYPASSWD=hunter2"],
        ["env", "db_pass=hunter2"],
        ["DATABASE_URL=postgres://u:hunter2@db/shop"],
        ["DATABASE_URL=postgres://u:hunter2/@x@db/shop"],
        ["SENTRY=https://hunter2@sentry.example/1"],
    ],
)
def test_variables_that_are_secret_are_hidden(words: list[str]) -> None:
    assert "hunter2" not in from_command([*words, "python", "app.py"], {}, Path("/")).command


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        ("--api-key hunter2", "--api-key …"),
        ("--API_KEY=hunter2", "--API_KEY=…"),
        ("--db-password hunter2 --verbose", "--db-password … --verbose"),
        ("--auth-token=hunter2", "--auth-token=…"),
        ("--dsn postgres://u:hunter2@db/shop", "--dsn …"),
        ("--broker amqp://u:hunter2@mq//", "--broker amqp://…@mq//"),
        ("--set PASSWORD=hunter2", "--set PASSWORD=…"),
        ("--keyfile server.key --author me --bind 127.0.0.1:1", ""),
    ],
)
def test_flags_that_are_secret_are_hidden(flags: str, shown: str) -> None:
    said = from_command(["python", "app.py", *flags.split()], {}, Path("/")).command
    assert shlex.split(said)[2:] == (shown or flags).split()


def test_no_check_repeats_a_login() -> None:
    address = "http://u:hunter2@127.0.0.1:4318"
    found = broken("exporter", "endpoint", f"X={address} is none", f"export X={address}/v1/traces")
    assert found.detail == "X=http://…@127.0.0.1:4318 is none"
    assert "hunter2" not in found.next_step
