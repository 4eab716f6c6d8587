"""Getting the collector: the one at hand, else the official release, else a build."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from threemaps.demo.collector_build import BuildError, build
from threemaps.demo.collector_release import ReleaseError, download
from threemaps.demo.lock import exclusive
from threemaps.demo.state import require_safe_way
from threemaps.errors import UserError
from threemaps.settings import PROJECT

VERSION = "0.152.0"
# The configuration was tried with these; others name components otherwise or count otherwise.
KNOWN_GOOD = (VERSION,)
DISTRIBUTION = PROJECT / "collector" / "distribution"

Say = Callable[[str], None]


def collector_binary(say: Say, environ: Mapping[str, str] = os.environ) -> Path:
    """The first that is there: THREEMAPS_COLLECTOR, PATH, our cache, the official release, a build."""
    named = environ.get("THREEMAPS_COLLECTOR")
    if named:
        return _named(Path(named).expanduser())
    found = shutil.which("otelcol-contrib", path=environ.get("PATH"))
    if found:
        require_safe_way(Path(found).absolute())  # PATH may name a folder of everybody's
    if found and version_of(Path(found)) in KNOWN_GOOD:
        return Path(found)
    cached = cache_folder(environ) / "otelcol-contrib"
    require_safe_way(cached)
    if not cached.exists():
        waiting = "another threemaps is getting the collector: waiting for it"
        with exclusive(cached.parent / "lock", lambda: say(waiting)):
            if not cached.exists():
                _fetch(cached, say, environ)
    return cached


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Changes with what goes into the build, so that an old one is not taken for a new one."""
    base = Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".cache")
    parts = b"".join((DISTRIBUTION / name).read_bytes() for name in ("builder.yaml", "go.mod", "go.sum"))
    return base / "threemaps" / "collector" / f"{VERSION}-{hashlib.sha256(parts).hexdigest()[:12]}"


def version_of(binary: Path) -> str:
    """The version that `otelcol-contrib --version` names, or nothing."""
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"\d+\.\d+\.\d+", done.stdout)
    return match.group() if match else ""


def _named(binary: Path) -> Path:
    if not os.access(binary, os.X_OK) or not version_of(binary):
        raise UserError(
            f"THREEMAPS_COLLECTOR={str(binary)!r} is no collector that runs here",
            hint="name an otelcol-contrib, or unset the variable",
            exit_code=2,
        )
    return binary


def _fetch(target: Path, say: Say, environ: Mapping[str, str]) -> None:
    """Puts the collector in its place whole or not at all."""
    for left in target.parent.glob("tmp*"):  # by one that was killed; nobody else is here, we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        fetched = Path(folder) / "otelcol-contrib"
        try:
            download(VERSION, fetched, say, environ)
        except ReleaseError as no_release:
            say(f"  not to be had: {no_release}")
            try:
                build(DISTRIBUTION, VERSION, Path(folder), fetched, say, environ)
            except BuildError as no_build:
                raise _no_way(no_release, no_build) from None
        fetched.chmod(0o755)
        fetched.replace(target)


def _no_way(no_release: Exception, no_build: Exception) -> UserError:
    return UserError(
        f"there is no OpenTelemetry Collector, and none could be had.\n"
        f"  the official release: {no_release}\n  a build: {no_build}",
        hint=f"one of three: put otelcol-contrib {VERSION} on PATH (or its path in THREEMAPS_COLLECTOR); "
        "install Go 1.25 or later and try again; or use `docker compose up`",
    )
