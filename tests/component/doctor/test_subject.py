"""A command, read as the shell would run it, and said again without its secrets."""

import shlex
from pathlib import Path

import pytest

from threemaps.doctor.check import broken
from threemaps.doctor.subject import from_command
from threemaps.errors import UserError

OUTSIDE = {"PATH": "/usr/bin", "A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("python app.py", "export A=7"),
        ("A=1 python app.py", "A=7 python app.py"),
        ("env -u A python app.py", "env -u A A=7 python app.py"),
        ("env -uA --unset=B C=3 python app.py", "env -uA --unset=B A=7 C=3 python app.py"),
        ("env --unset A python app.py", "env --unset A A=7 python app.py"),
        ("env -u B python app.py", "export A=7"),
        ("env -i python app.py", "env -i A=7 python app.py"),
        ("env - B=2 python app.py", "env - A=7 B=2 python app.py"),
        ("env -iu A C=3 python app.py", "env -iu A A=7 C=3 python app.py"),
        ("timeout -s KILL 5 env A=3 nice python app.py", "timeout -s KILL 5 env A=7 nice python app.py"),
        ("sh -c 'B=2 A=\"x y\" exec python app.py'", "sh -c 'B=2 A=7 exec python app.py'"),
    ],
)
def test_a_variable_is_set_where_the_command_sets_it(typed: str, said: str) -> None:
    subject = from_command(shlex.split(typed), OUTSIDE, Path("/"))
    assert subject.setting("A", "7") == said


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--service_name x python app.py", "--service_name shop python app.py"),
        ("--service_name=x python app.py", "--service_name=shop python app.py"),
    ],
)
def test_the_launchers_flags_are_variables(typed: str, said: str) -> None:
    subject = from_command(["opentelemetry-instrument", *typed.split()], OUTSIDE, Path("/"))
    assert subject.setting("OTEL_SERVICE_NAME", "shop") == f"opentelemetry-instrument {said}"
    assert subject.setting("OTEL_SERVICE_NAME", "") == "opentelemetry-instrument python app.py"


def test_no_program_is_named() -> None:
    with pytest.raises(UserError, match="names no program"):
        from_command(["A=1"], {}, Path("/"))


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
