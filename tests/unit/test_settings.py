"""Variables and `.env`."""

from pathlib import Path

import pytest

from threemaps.basics.variables import read_dotenv
from threemaps.errors import UserError
from threemaps.settings import Settings


def load(tmp_path: Path, **environ: str) -> Settings:
    return Settings.load(environ, project=tmp_path)


def test_by_default_nothing_is_real_whatever_keys_lie_around(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HONEYCOMB_API_KEY=real\nAWS_ACCESS_KEY_ID=real\n")
    settings = load(tmp_path, AWS_REGION="eu-west-1", AWS_ENDPOINT_URL="http://127.0.0.1:4566")
    assert not settings.honeycomb_is_real
    assert not settings.aws_is_real
    assert settings.honeycomb_api == "http://127.0.0.1:8081"
    assert settings.aws_endpoint == "http://127.0.0.1:8082"
    assert settings.aws_region == "us-east-1"
    assert settings.standins == ("honeycomb", "aws", "rollbar")


@pytest.mark.parametrize(
    ("backends", "honeycomb", "aws"),
    [
        ("", False, False),
        ("local", False, False),
        ("cloud", True, True),
        ("honeycomb", True, False),
        ("aws", False, True),
        ("Honeycomb, AWS", True, True),
    ],
)
def test_backends_names_what_goes_out(tmp_path: Path, backends: str, honeycomb: bool, aws: bool) -> None:
    settings = load(tmp_path, THREEMAPS_BACKENDS=backends)
    assert (settings.honeycomb_is_real, settings.aws_is_real) == (honeycomb, aws)


@pytest.mark.parametrize("text", ["-1", "6s", "nan", "1e9", "٣"])
def test_a_time_is_a_number_of_seconds(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, THREEMAPS_QUIET_SECONDS="1.5").quiet == 1.5
    with pytest.raises(UserError, match="THREEMAPS_QUIET_SECONDS"):
        load(tmp_path, THREEMAPS_QUIET_SECONDS=text)


@pytest.mark.parametrize("backends", ["zipkin", "local,aws", "aws;honeycomb"])
def test_a_wrong_backend_is_named(tmp_path: Path, backends: str) -> None:
    with pytest.raises(UserError, match=r"THREEMAPS_BACKENDS") as caught:
        load(tmp_path, THREEMAPS_BACKENDS=backends)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("HONEYCOMB_API_ENDPOINT", "127.0.0.1:6600"),
        ("HONEYCOMB_API_ENDPOINT", "htp://api.honeycomb.io"),
        ("HONEYCOMB_API_ENDPOINT", "https://api.honeycomb.io/v1/traces"),
        ("HONEYCOMB_API_ENDPOINT", "https://"),
        ("HONEYCOMB_API_ENDPOINT", "https://api.honeycomb.io "),
        ("AWS_ENDPOINT_URL", "localhost:4566"),
        ("AWS_ENDPOINT_URL", "http://localhost:99999"),
    ],
)
def test_an_address_that_is_none_is_named_where_it_is_used(tmp_path: Path, variable: str, text: str) -> None:
    with pytest.raises(UserError, match=f"{variable}='") as caught:
        load(tmp_path, THREEMAPS_BACKENDS="cloud", **{variable: text})
    assert caught.value.exit_code == 2
    assert load(tmp_path, **{variable: text}).aws_endpoint == "http://127.0.0.1:8082"


def test_what_waits_for_one_backend_is_never_sent_to_another(tmp_path: Path) -> None:
    choices = ("local", "honeycomb", "aws", "cloud")
    queues = {load(tmp_path, THREEMAPS_BACKENDS=choice).queue for choice in choices}
    assert len(queues) == len(choices)
    assert load(tmp_path, THREEMAPS_BACKENDS="aws,honeycomb").queue in queues


def test_a_folder_is_never_taken_for_a_variable(tmp_path: Path) -> None:
    for name in ("/tmp/a$b", "/tmp/a}b"):
        with pytest.raises(UserError, match=r"has a \$ or } in it"):
            load(tmp_path, THREEMAPS_STATE=name)


def test_nobodys_home_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nobody's home"):
        load(tmp_path, THREEMAPS_STATE="~nosuchuser/x")


def test_quotes_comments_and_a_byte_order_mark_in_the_file(tmp_path: Path) -> None:
    lines = """A="one"   # comment\nB='two # three'\nC="four" five\nD=six # seven\nE="eight"#nine\n"""
    (tmp_path / "env").write_text("\ufeff" + lines, encoding="utf-8")
    held = read_dotenv(tmp_path / "env")
    assert held == {"A": "one", "B": "two # three", "C": '"four" five', "D": "six", "E": '"eight"#nine'}


@pytest.mark.parametrize("port", ["9" * 5000, "0", "65536", "-1", "80a", "٣", "1e3"])
def test_a_wrong_port_is_named(tmp_path: Path, port: str) -> None:
    with pytest.raises(UserError, match="THREEMAPS_PORT_WEB="):
        load(tmp_path, THREEMAPS_PORT_WEB=port)


def test_the_environment_goes_before_the_file_and_empty_counts_as_unset(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("THREEMAPS_PORT_WEB=9000\nTHREEMAPS_PORT_USERS=9002\nTHREEMAPS_BIND=\n")
    settings = load(tmp_path, THREEMAPS_PORT_USERS="9102", THREEMAPS_PORT_WEB="")
    assert (settings.ports["web"], settings.ports["users"], settings.bind) == (9000, 9102, "127.0.0.1")


def test_another_file_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "other.env").write_text("THREEMAPS_PORT_WEB=9000")
    assert load(tmp_path, THREEMAPS_ENV_FILE=str(tmp_path / "other.env")).ports["web"] == 9000


def test_dotenv_is_read_as_compose_reads_it(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# A=1\nexport B=2\nC='x # y'\nD=\"z\"\nE=v # why\nF=\nnonsense\nG=a=b\n")
    assert read_dotenv(path) == {"B": "2", "C": "x # y", "D": "z", "E": "v", "G": "a=b"}


def test_a_second_terminal_finds_what_runs_by_its_state_folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "ports.json").write_text('{"web": 18080, "aws": "x", "health": 0, "other": 1}')
    found = Settings.load({"THREEMAPS_STATE": str(tmp_path), "THREEMAPS_ENV_FILE": "/nonexistent"})
    assert (found.ports["web"], found.ports["aws"], found.ports["health"]) == (18080, 8082, 13133)
    moved = {"THREEMAPS_STATE": str(tmp_path), "THREEMAPS_PORT_WEB": "1234"}
    assert Settings.load(moved).ports["web"] == 1234
