"""A collector with more of the official image in it than `threemaps up` builds."""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from threemaps.demo.collector import DISTRIBUTION, VERSION
from threemaps.demo.collector_build import build
from threemaps.demo.lock import exclusive

CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib"
Part = tuple[str, str]  # kind, module


def say(line: str) -> None:
    sys.stderr.write(line + "\n")


def built(name: str, parts: Sequence[Part], pin: Callable[[Path], None] = lambda folder: None) -> Path:
    """Once for each state of the pinned modules. `pin` adds to the copy of them what is not there yet."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "threemaps" / name
    pinned = b"".join((DISTRIBUTION / file).read_bytes() for file in ("builder.yaml", "go.mod"))
    digest = hashlib.sha256(pinned + repr(parts).encode()).hexdigest()[:12]
    target = base / f"collector-{VERSION}-{digest}" / "otelcol-contrib"
    with exclusive(base / "lock", lambda: say(f"{name}: another one builds the same collector")):
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=base) as folder:
                _build(Path(folder), parts, pin).replace(target)
    return target


def _build(folder: Path, parts: Sequence[Part], pin: Callable[[Path], None]) -> Path:
    distribution, made = folder / "distribution", folder / "otelcol-contrib"
    shutil.copytree(DISTRIBUTION, distribution)
    manifest = distribution / "builder.yaml"
    text = manifest.read_text()
    for kind, module in parts:
        text = text.replace(f"{kind}:\n", f"{kind}:\n  - gomod: {module} v{VERSION}\n", 1)
    manifest.write_text(text)
    pin(distribution)
    build(distribution, VERSION, folder, made, say, os.environ)
    return made
