"""An interpreter that lacks something, or has what does not go together; pip mends it."""

import subprocess
from pathlib import Path

import pytest

from tests.component.doctor.conftest import Environ
from tests.component.doctor.test_service import RIGHT, diagnose
from tests.component.doctor.workshop import Workshop, follow
from threemaps.doctor.packages import of_root

OLD = "0.40b0"


def heals(shop: Workshop, environ: Environ, says: str) -> None:
    words = RIGHT.split()
    found = diagnose(words, environ(shop), shop.folder)[-1]
    assert says in found.detail
    healed = follow(found.next_step, words, environ(shop), shop.folder)
    assert [check for check in diagnose(*healed, shop.folder) if not check.ok] == []


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("opentelemetry-distro", "opentelemetry-distro is not installed for"),
        ("opentelemetry-exporter-otlp-proto-http", "needs opentelemetry-exporter-otlp-proto-http"),
        (
            "opentelemetry-instrumentation-flask",
            "opentelemetry-instrumentation-flask is not installed",
        ),
    ],
)
def test_missing_package(tmp_path: Path, environ: Environ, missing: str, says: str) -> None:
    heals(Workshop(tmp_path, without=[missing]), environ, says)


def test_missing_exporter_alone(tmp_path: Path, environ: Environ) -> None:
    """Without the bundle nothing requires it, and only the exporter's choice tells."""
    bundle = ["opentelemetry-exporter-otlp", "opentelemetry-exporter-otlp-proto-http"]
    shop = Workshop(tmp_path, without=bundle)
    heals(shop, environ, "the exporter for OTLP over http/protobuf is not installed")


def test_versions_that_do_not_go_together(tmp_path: Path, environ: Environ) -> None:
    name = "opentelemetry-instrumentation-flask"
    shop = Workshop(tmp_path)
    shop.offer(name)
    dated_back(next(shop.site.glob("opentelemetry_instrumentation_flask-*.dist-info")))
    heals(shop, environ, f"{name} {OLD} needs opentelemetry-instrumentation-wsgi=={OLD}")


def dated_back(installed: Path) -> None:
    """Newer pips read the version in the name of the folder, Python in a file of it."""
    version = installed.name.removesuffix(".dist-info").partition("-")[2]
    for name in ("METADATA", "RECORD"):
        file = installed / name
        text = file.read_text()
        file.unlink()
        file.write_text(text.replace(version, OLD))
    installed.rename(installed.with_name(installed.name.replace(version, OLD)))


def test_requirements_newer_than_what_runs(tmp_path: Path, environ: Environ) -> None:
    shop = Workshop(tmp_path, without=["opentelemetry-instrumentation-flask"])
    (tmp_path / "requirements.txt").write_text("flask\nopentelemetry-instrumentation-flask>=0.40b0\n")
    heals(shop, environ, "requirements.txt asks for opentelemetry-instrumentation-flask")


def test_no_such_program(workshop: Workshop, environ: Environ, folder: Path) -> None:
    found = diagnose(["opentelemetry-instrument", "pythonn", "app.py"], environ(workshop), folder)[-1]
    assert "'pythonn' is no Python program" in found.detail
    assert subprocess.run(found.next_step, shell=True, env=environ(workshop)).returncode != 0


def test_packages_of_another_root_are_read_without_running_it(workshop: Workshop, tmp_path: Path) -> None:
    inside = tmp_path / "usr" / "local" / "lib" / "python3.12"
    inside.mkdir(parents=True)
    (inside / "site-packages").symlink_to(workshop.site)
    assert of_root(tmp_path).has("opentelemetry-distro")
