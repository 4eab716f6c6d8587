"""With versions it was not written for, lean leaves the work to OpenTelemetry's packages, and says so."""

import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.running import clean_environment
from threemaps.tracing.lean.__main__ import WRITTEN_FOR

PROGRAM = """#!/usr/bin/env python3
import flask

app = flask.Flask("shop")
app.add_url_rule("/", view_func=lambda: "hello")
assert app.test_client().get("/").text == "hello"
print("made by", flask.Flask.wsgi_app.__module__, type(app).__module__)
"""
STOCK = "made by flask.app opentelemetry.instrumentation.flask"
LEAN = "made by threemaps.tracing.lean.instrument flask.app"


@pytest.fixture
def scopes(tmp_path: Path):
    """Runs a program under the launcher; who made its spans, and what was logged."""
    (tmp_path / "shop").write_text(PROGRAM)
    (tmp_path / "shop").chmod(0o755)

    def run(packages: Path) -> tuple[set[str], str]:
        environ = {
            **clean_environment(),
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(packages),
            "OTEL_TRACES_EXPORTER": "console",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        }
        command = [sys.executable, "-m", "threemaps.tracing.lean", "shop"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.count('"kind": "SpanKind.SERVER"') == 1
        return {name for name in (STOCK, LEAN) if name in done.stdout}, done.stderr

    return run


def test_with_the_versions_of_the_lock_the_spans_are_lean(scopes, tmp_path: Path) -> None:
    assert scopes(tmp_path) == ({LEAN}, "")


@pytest.mark.parametrize("package", WRITTEN_FOR)
def test_with_another_version_they_are_the_stock_ones(scopes, tmp_path: Path, package: str) -> None:
    described = tmp_path / f"{package.replace('-', '_')}-9.9.0.dist-info" / "METADATA"
    described.parent.mkdir()
    described.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 9.9.0\n")
    entry_points = distribution(package).read_text("entry_points.txt")
    described.with_name("entry_points.txt").write_text(entry_points or "")
    made_by, log = scopes(tmp_path)
    assert made_by == {STOCK}
    assert f"{package} {WRITTEN_FOR[package]}*, and 9.9.0 is installed" in log
    assert "own instrumentation is used" in log
