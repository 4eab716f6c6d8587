"""Traffic against a real server."""

import itertools
from threading import Lock

from click.testing import CliRunner
from flask import Flask, Response

from tests.conftest import Serve, free_port
from threemaps.cli.traffic import command


def flaky_app() -> Flask:
    app = Flask("flaky")
    numbers, lock = itertools.count(1), Lock()

    @app.get("/some")
    def some() -> Response:
        with lock:
            number = next(numbers)
        return Response(status=500 if number % 4 == 0 else 200, headers={"X-Trace-Id": f"{number:032x}"})

    return app


def run(url: str, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(
        command, arguments, env={"THREEMAPS_URL_FRONTEND_API": url}, catch_exceptions=False
    )
    return result.exit_code, result.output


def test_sent_ok_and_failed_are_counted(serve: Serve) -> None:
    code, output = run(serve(flaky_app()), "--requests", "20", "--path", "/some")
    assert code == 1
    assert "20 sent, 15 ok, 5 failed (5 × HTTP 500)" in output


def test_all_well_is_exit_0(serve: Serve) -> None:
    code, output = run(serve(flaky_app()), "--requests", "3", "--rate", "200", "--path", "/some")
    assert (code, output.splitlines()[-1]) == (0, "3 sent, 3 ok, 0 failed")


def test_nobody_there(serve: Serve) -> None:
    code, output = run(f"http://127.0.0.1:{free_port()}", "--requests", "2")
    assert code == 1
    assert "2 failed (2 × ConnectionError)" in output


def test_a_wrong_path_is_named() -> None:
    code, output = run("http://127.0.0.1:1", "--path", "home")
    assert code == 2
    assert "'home' does not start with /" in output
