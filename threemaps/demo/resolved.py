"""What the settings come to for the collector: configuration files, environment, secrets and lists."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from threemaps.demo import room
from threemaps.demo.names import own_names, read_names
from threemaps.demo.redaction import redaction_files
from threemaps.demo.state import write_private
from threemaps.settings import (
    LOCAL_AWS_ACCESS_KEY_ID,
    LOCAL_AWS_SECRET_ACCESS_KEY,
    LOCAL_INGEST_KEY,
    PROJECT,
    Settings,
)

CONFIG = PROJECT / "collector" / "otel-config.yaml"
PARTS = PROJECT / "collector" / "parts"
# The file says what is missing where a key is: an empty value would stop the collector without a word of why.
NO_KEY = "no-key-was-given"
KEYS = ("honeycomb_api_key", "aws_credentials")
LOCAL_CREDENTIALS = f"""[default]
aws_access_key_id = {LOCAL_AWS_ACCESS_KEY_ID}
aws_secret_access_key = {LOCAL_AWS_SECRET_ACCESS_KEY}
"""
# Variable of the collector → port that it listens on.
LISTENING = {
    "THREEMAPS_OTLP_GRPC": "otlp_grpc",
    "THREEMAPS_OTLP_HTTP": "otlp_http",
    "THREEMAPS_XRAY": "xray",
    "THREEMAPS_HEALTH": "health",
}
HOPS = {"THREEMAPS_HOP": "hop", "THREEMAPS_HOP_XRAY": "hop_xray"}
# AWS's own variable for the address of a service → the service's name in an address.
AWS_SERVICES = {
    "AWS_ENDPOINT_URL_XRAY": "xray",
    "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "logs",
    "AWS_ENDPOINT_URL_CLOUDWATCH": "monitoring",
}


def config_files(xray_ingest: str, *, gateway: bool = False) -> tuple[Path, ...]:
    """The core and the parts over it, in their order: for the launcher, Compose, Kubernetes and ECS."""
    names = [
        "names",
        "masking",
        "keep-refused",
        f"x-ray-{xray_ingest}",
        "gateway" if gateway else "x-ray-sdk",
        "yours",
    ]
    return (CONFIG, *(PARTS / f"{name}.yaml" for name in names))


def collector_command(binary: Path, settings: Settings) -> tuple[str, ...]:
    files = (*config_files(settings.xray_ingest), settings.run / room.FILE)
    return (str(binary), *(f"--config={path}" for path in files))


def collector_environment(settings: Settings) -> dict[str, str]:
    """In local mode nothing of the user's AWS account; otherwise the whole chain of it."""
    listening = {
        **{variable: f"{settings.bind}:{settings.ports[port]}" for variable, port in LISTENING.items()},
        **{variable: f"127.0.0.1:{settings.ports[port]}" for variable, port in HOPS.items()},
        "THREEMAPS_METRICS_HOST": settings.bind,
        "THREEMAPS_METRICS_PORT": str(settings.ports["collector_metrics"]),
    }
    ours = {
        "THREEMAPS_RUN": str(settings.run),
        "THREEMAPS_QUEUE": str(settings.queue),
        "HONEYCOMB_API_KEY": f"${{file:{settings.run}/honeycomb_api_key}}",
        # Shared out over several cores its work costs more. One takes thousands of spans a second.
        "GOMAXPROCS": settings.get("GOMAXPROCS", "1"),
        # Go's own is 100: a third of the CPU then collects garbage. The limit keeps bursts in bounds.
        "GOGC": settings.get("GOGC", "300"),
        "GOMEMLIMIT": settings.get("GOMEMLIMIT", "300MiB"),
    }
    return {**account(settings), **listening, **addresses(settings), **ours}


def account(settings: Settings) -> dict[str, str]:
    if settings.aws_is_real:
        return {name: value for name, value in settings.environ.items() if name.startswith("AWS_")}
    return {
        "AWS_SHARED_CREDENTIALS_FILE": str(settings.run / "aws_credentials"),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def addresses(settings: Settings) -> dict[str, str]:
    """Where the vendors are; a path is put behind AWS's. botocore knows the partitions and their domains."""
    region = settings.aws_region
    found = {
        variable: settings.aws_endpoint_of(variable) or regional_endpoint(service, region)
        for variable, service in AWS_SERVICES.items()
    }
    urls = {variable: url.rstrip("/") for variable, url in found.items()}
    return {"HONEYCOMB_API_ENDPOINT": settings.honeycomb_api, "AWS_REGION": region, **urls}


def write_resolved(settings: Settings) -> None:
    """Writes every file anew."""
    settings.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.queue.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, value in resolved(settings).items():
        # The collector takes ${…} in these for a variable, and $$ for a $. The other file is for AWS's SDK.
        write_private(settings.run / name, value if name == "aws_credentials" else value.replace("$", "$$"))
    if not (settings.run / room.FILE).exists():  # else it is what the running collector was given last
        write_private(settings.run / room.FILE, room.padded(room.OPEN))


def forget_keys(settings: Settings) -> None:
    """Once nothing runs any more, nothing needs them."""
    for name in KEYS:
        (settings.run / name).unlink(missing_ok=True)


def resolved(settings: Settings) -> Mapping[str, str]:
    """A file for each secret and each list."""
    key = settings.get("HONEYCOMB_API_KEY", NO_KEY) if settings.honeycomb_is_real else LOCAL_INGEST_KEY
    return {
        "honeycomb_api_key": key,
        "aws_credentials": LOCAL_CREDENTIALS,
        "names": json.dumps({**own_names(settings), **read_names(settings.get("THREEMAPS_NAMES"))}),
        **redaction_files(settings),
    }


def regional_endpoint(service: str, region: str) -> str:
    """Where AWS answers in this region; botocore knows the partitions and their domains."""
    from botocore.loaders import create_loader
    from botocore.regions import EndpointResolver

    found = EndpointResolver(create_loader().load_data("endpoints")).construct_endpoint(service, region)
    host = found["hostname"] if found else f"{service}.{region}.amazonaws.com"
    return f"https://{host}"
