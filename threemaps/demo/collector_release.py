"""The official release of the collector, checked against the SHA-256 in collector/distribution."""

import hashlib
import platform
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from threemaps.basics.progress import counting
from threemaps.settings import PROJECT

BASE = "https://github.com/open-telemetry/opentelemetry-collector-releases/releases/download"
# As `sha256sum` writes them. For a machine that is not among them it is built.
PINS = PROJECT / "collector" / "distribution" / "releases.sha256"
CONNECT_SECONDS = 5
READ_SECONDS = 30
CHUNK = 1 << 20
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "ppc64le": "ppc64le"}


class ReleaseError(Exception):
    """Why the release could not be had."""


def download(version: str, target: Path, say: Callable[[str], None], environ: Mapping[str, str]) -> None:
    """Fetches the archive for this machine, checks it, and unpacks the one file."""
    base = environ.get("THREEMAPS_COLLECTOR_RELEASES", BASE).rstrip("/") + f"/v{version}"
    name = archive_name(version)
    say(f"Getting the collector {version}: the official release")
    try:
        expected = _listed(PINS.read_text(), name)
        if expected is None:
            raise ReleaseError(f"{PINS.name} does not name {name}")
        archive = target.with_name(name)
        if _stream(f"{base}/{name}", archive) != expected:
            raise ReleaseError(f"{name} does not have the checksum {expected[:12]}…")
        _unpack(archive, target)
    except requests.RequestException as error:
        raise ReleaseError(f"{base} cannot be reached ({type(error).__name__})") from None


def archive_name(version: str) -> str:
    machine = MACHINES.get(platform.machine().lower())
    if machine is None or sys.platform not in ("linux", "darwin"):
        raise ReleaseError(f"none is published for {sys.platform} on {platform.machine()}")
    return f"otelcol-contrib_{version}_{sys.platform}_{machine}.tar.gz"


def _listed(checksums: str, name: str) -> str | None:
    found = (line.partition("  ") for line in checksums.splitlines())
    return next((digest for digest, _, file in found if file.strip() == name), None)


def _stream(url: str, archive: Path) -> str:
    """Writes the file under a progress bar and returns its SHA-256."""
    digest = hashlib.sha256()
    with requests.get(url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as answer:
        answer.raise_for_status()
        megabytes = int(answer.headers.get("Content-Length", 0)) // CHUNK + 1
        with archive.open("wb") as file, counting("  MiB", megabytes) as advance:
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
                digest.update(chunk)
                advance()
    return digest.hexdigest()


def _unpack(archive: Path, target: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile("otelcol-contrib")
            if member is None:
                raise KeyError
            target.write_bytes(member.read())
    except (KeyError, tarfile.TarError, EOFError):
        raise ReleaseError(f"{archive.name} does not hold otelcol-contrib") from None
