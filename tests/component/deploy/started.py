"""The collector as a container would start it, on ports that are free here."""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import requests

from tests.running import free_ports
from threemaps.demo.resolved import HOPS, LISTENING


def own_ports() -> dict[str, str]:
    """Its own may be taken on this machine."""
    names = [*LISTENING, *HOPS, "THREEMAPS_METRICS"]
    found = dict(zip(names, free_ports(len(names)), strict=True))
    metrics = str(found.pop("THREEMAPS_METRICS"))
    addresses = {name: f"127.0.0.1:{port}" for name, port in found.items()}
    return {**addresses, "THREEMAPS_METRICS_HOST": "127.0.0.1", "THREEMAPS_METRICS_PORT": metrics}


def is_healthy(environ: Mapping[str, str]) -> bool:
    try:
        return requests.get(f"http://{environ['THREEMAPS_HEALTH']}", timeout=1).ok
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
