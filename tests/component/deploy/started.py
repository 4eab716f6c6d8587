"""The collector as a container would start it, with its doors on ports that are free here."""

import contextlib
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import requests

from tests.running import free_ports

DOOR = re.compile(r"(127\.0\.0\.1|0\.0\.0\.0):\d+")


def move_doors(run: Path) -> str:
    """Its own ports may be taken on this machine; where it tells how it is."""
    doors = [file for file in sorted(run.iterdir()) if DOOR.fullmatch(file.read_text())]
    metrics, *ports = free_ports(len(doors) + 1)
    for file, port in zip(doors, ports, strict=True):
        file.write_text(f"127.0.0.1:{port}")
    (run / "collector_metrics_port").write_text(str(metrics))
    return f"http://{(run / 'health').read_text()}"


def is_healthy(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.ConnectionError:
        return False


@contextlib.contextmanager
def started(
    command: Sequence[str], environ: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=dict(environ), stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)
