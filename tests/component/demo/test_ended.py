"""What is told of a process that ended while starting, and what is to be typed then."""

from pathlib import Path

import pytest

from threemaps.demo.ended import advice, telling
from threemaps.settings import Settings

JSON = '{"level":"info","msg":"Starting shutdown..."}'
PANIC = "panic: assertion failed: Page expected to be: 4, but self identifies as 17"
STACK = ["goroutine 1 [running]:", "go.etcd.io/bbolt.(*Tx).page(...)", "main.main()"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings.load({"THREEMAPS_STATE": str(tmp_path / "my state")}, project=tmp_path)
    found.queue.mkdir(parents=True)
    for name in ("otlp_grpc_xray_traces", "otlp_grpc_honeycomb_traces", "awscloudwatchlogs__logs"):
        (found.queue / f"exporter_{name}").touch()
    return found


def test_people_get_the_lines_that_are_for_people() -> None:
    assert telling([JSON, "Error: no such key", JSON]) == ["Error: no such key"]
    assert telling([JSON, PANIC, *STACK]) == [PANIC]
    assert telling([JSON, JSON]) == [JSON, JSON]
    assert telling([str(number) for number in range(99)]) == [str(number) for number in range(87, 99)]


@pytest.mark.parametrize(
    ("exporter", "why", "file"),
    [
        ("otlp_grpc/xray", "invalid database", "exporter_otlp_grpc_xray_traces"),
        ("otlp_grpc/honeycomb", "file size too small 5000", "exporter_otlp_grpc_honeycomb_traces"),
        ("awscloudwatchlogs", "invalid database", "exporter_awscloudwatchlogs__logs"),
    ],
)
def test_a_damaged_queue_is_put_aside_alone(settings: Settings, exporter: str, why: str, file: str) -> None:
    line = f'Error: cannot start pipelines: failed to start "{exporter}" exporter: {why}'
    said = advice(settings, "collector", Path("collector.log"), [JSON, line])
    path = settings.queue / file
    assert said.endswith(f"mv '{path}' '{path}.broken' && threemaps up")


def test_a_panic_in_a_queue_does_not_say_which(settings: Settings) -> None:
    said = advice(settings, "collector", Path("collector.log"), [PANIC, *STACK])
    assert said.endswith(f"mv '{settings.queue}' '{settings.queue}.broken' && threemaps up")


def test_anything_else_is_in_the_log(settings: Settings) -> None:
    for name, lines in (("users", [PANIC, *STACK]), ("collector", ["Error: no such key"])):
        assert advice(settings, name, Path("x.log"), lines).startswith("see x.log; ")
