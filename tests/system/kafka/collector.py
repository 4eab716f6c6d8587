"""A collector with Kafka's exporter and receiver, which the official image has."""

import os
from pathlib import Path

from tests.system.docker.tools import Missing, do
from tests.wider_collector import CONTRIB, built
from threemaps.demo.collector import VERSION
from threemaps.demo.collector_build import BuildError, go_on_path

KAFKA = (
    ("receivers", f"{CONTRIB}/receiver/kafkareceiver"),
    ("exporters", f"{CONTRIB}/exporter/kafkaexporter"),
)


def collector_with_kafka() -> Path:
    try:
        return built("kafka", KAFKA, pin)
    except BuildError as error:
        raise Missing(f"no collector with Kafka: {error}", "install Go 1.25 or later") from None


def pin(distribution: Path) -> None:
    """The two modules that are not pinned here, by Go's checksum database."""
    go = go_on_path(os.environ)
    if go is None:
        raise Missing("no Go to build a collector with Kafka", "install Go 1.25 or later")
    wanted = [f"{module}@v{VERSION}" for _, module in KAFKA]
    environ = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    do(str(go), "get", *wanted, environ=environ, what="go get", folder=distribution)
