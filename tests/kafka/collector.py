"""A collector with Kafka's exporter and receiver, which the official image has: ours and two modules more."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from tests.docker.tools import Missing, do, say
from threemaps.launch.collector import DISTRIBUTION, VERSION
from threemaps.launch.collector_build import BuildError, build, go_on_path

CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib"
MORE = {"receivers": f"{CONTRIB}/receiver/kafkareceiver", "exporters": f"{CONTRIB}/exporter/kafkaexporter"}


def collector_with_kafka() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "threemaps" / "kafka"
    digest = hashlib.sha256((DISTRIBUTION / "go.mod").read_bytes()).hexdigest()[:12]
    target = base / f"collector-{VERSION}-{digest}" / "otelcol-contrib"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=base) as folder:
            made = Path(folder) / "otelcol-contrib"
            try:
                build(distribution(Path(folder)), VERSION, Path(folder), made, say, os.environ)
            except BuildError as error:
                raise Missing(f"no collector with Kafka: {error}", "install Go 1.25 or later") from None
            made.replace(target)
    return target


def distribution(folder: Path) -> Path:
    """The pinned modules, and what the two need beside them, by Go's checksum database."""
    extended = folder / "distribution"
    shutil.copytree(DISTRIBUTION, extended)
    go = go_on_path(os.environ)
    if go is None:
        raise Missing("no Go to build a collector with Kafka", "install Go 1.25 or later")
    wanted = [f"{module}@v{VERSION}" for module in MORE.values()]
    environ = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    do(str(go), "get", *wanted, environ=environ, what="go get", folder=extended)
    manifest = extended / "builder.yaml"
    text = manifest.read_text()
    for kind, module in MORE.items():
        text = text.replace(f"{kind}:\n", f"{kind}:\n  - gomod: {module} v{VERSION}\n", 1)
    manifest.write_text(text)
    return extended
