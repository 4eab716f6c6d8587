"""An interpreter that lacks something; pip mends it."""

import subprocess
from pathlib import Path

import pytest

from tests.component.doctor.ends import Ends
from tests.component.doctor.workshop import Workshop
from tests.conftest import free_port
from threemaps.cli.doctor import as_text
from threemaps.doctor.packages import of_root
from threemaps.doctor.service import check_command

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("reading_back")]
RIGHT = ["opentelemetry-instrument", "python", "app.py"]


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        (["opentelemetry-distro"], "opentelemetry-distro is not installed for"),
        (["opentelemetry-exporter-otlp", "opentelemetry-exporter-otlp-proto-http"], "is not installed"),
        (["opentelemetry-instrumentation-flask"], "opentelemetry-instrumentation-flask is not installed"),
    ],
)
def test_missing_package(tmp_path: Path, ends: Ends, missing: list[str], says: str) -> None:
    shop = Workshop(tmp_path, without=missing)
    environ = shop.environ(
        PORT=str(free_port()),
        OTEL_SERVICE_NAME="shop",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{ends.http}",
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_BSP_SCHEDULE_DELAY="200",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )
    checks = check_command(RIGHT, environ, tmp_path)
    found = next(one for one in checks if not one.ok)
    assert says in found.detail, as_text(checks)
    subprocess.run(
        ["bash", "-c", found.next_step], env=environ, cwd=tmp_path, check=True, capture_output=True
    )
    again = check_command(RIGHT, environ, tmp_path)
    assert all(one.ok for one in again), as_text(again)


def test_packages_of_another_root_are_read_without_running_it(workshop: Workshop, tmp_path: Path) -> None:
    inside = tmp_path / "usr" / "local" / "lib" / "python3.12"
    inside.mkdir(parents=True)
    (inside / "site-packages").symlink_to(workshop.site)
    assert of_root(tmp_path, {}).has("opentelemetry-distro")
