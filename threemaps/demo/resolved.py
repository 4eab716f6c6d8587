"""What the settings come to, as the collector reads it: one file a value, and its environment."""

import os
from collections.abc import Mapping
from pathlib import Path

from threemaps.demo.redaction import redaction_files
from threemaps.settings import (
    LOCAL_AWS_ACCESS_KEY_ID,
    LOCAL_AWS_SECRET_ACCESS_KEY,
    LOCAL_INGEST_KEY,
    PROJECT,
    Settings,
)

CONFIG = PROJECT / "collector" / "otel-config.yaml"
LOOPBACKS = ("loopback_honeycomb", "loopback_xray", "loopback_emf")
# The file says what is missing where a key is: an empty value would stop the collector without a word of why.
NO_KEY = "no-key-was-given"
# What differs between X-Ray's two doors: the pipelines to it, how much it takes in one call, and who signs.
XRAY_DOORS = {
    "segments": {
        "xray_doors": "[traces/out_xray]",
        "xray_batch_sizer": "items",
        "xray_batch_least": "50",
        "xray_batch_size": "50",
        # A role that nobody takes on, with any file for its token: no credentials are asked for at the start.
        "xray_signer": '{ arn: none, web_identity_token_file: "${env:THREEMAPS_RUN}/aws_region" }',
    },
    "otlp": {
        "xray_doors": "[traces/out_xray_otlp, traces/out_xray_late]",
        "xray_batch_sizer": "bytes",
        "xray_batch_least": "200000",
        "xray_batch_size": "450000",
        "xray_signer": "{ }",
    },
}
LOCAL_CREDENTIALS = f"""[default]
aws_access_key_id = {LOCAL_AWS_ACCESS_KEY_ID}
aws_secret_access_key = {LOCAL_AWS_SECRET_ACCESS_KEY}
"""


def collector_command(binary: Path) -> tuple[str, ...]:
    return (str(binary), "--config", str(CONFIG))


def collector_environment(settings: Settings) -> dict[str, str]:
    """In local mode nothing of the user's AWS account; otherwise the whole chain of it."""
    ours = {
        "THREEMAPS_RUN": str(settings.run),
        "THREEMAPS_QUEUE": str(settings.queue),
        # Shared out over several cores its work costs more. One takes thousands of spans a second.
        "GOMAXPROCS": settings.get("GOMAXPROCS", "1"),
        # Go's own. 150 would save an eighth of the CPU, for 15 MB of memory at rest.
        "GOGC": settings.get("GOGC", "100"),
    }
    if not settings.aws_is_real:
        return {
            **ours,
            "AWS_SHARED_CREDENTIALS_FILE": str(settings.run / "aws_credentials"),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    account = {name: value for name, value in settings.environ.items() if name.startswith("AWS_")}
    return {**ours, **account}


def write_resolved(settings: Settings) -> None:
    """Writes every file anew; only their owner may read them."""
    settings.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.queue.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, value in resolved(settings).items():
        _write(settings.run / name, value)


def resolved(settings: Settings) -> Mapping[str, str]:
    doors = {
        name: f"{settings.bind}:{settings.ports[name]}"
        for name in ("otlp_grpc", "otlp_http", "xray", "health")
    }
    loopbacks = {name: f"127.0.0.1:{settings.ports[name]}" for name in LOOPBACKS}
    honeycomb_key = (
        settings.get("HONEYCOMB_API_KEY", NO_KEY) if settings.honeycomb_is_real else LOCAL_INGEST_KEY
    )
    return {
        **doors,
        **loopbacks,
        "collector_metrics_host": settings.bind,
        "collector_metrics_port": str(settings.ports["collector_metrics"]),
        "honeycomb_endpoint": settings.honeycomb_api,
        "honeycomb_api_key": honeycomb_key,
        "aws_region": settings.aws_region,
        # A path is put behind it.
        "xray_endpoint": (settings.aws_endpoint or regional_endpoint("xray", settings.aws_region)).rstrip(
            "/"
        ),
        "logs_endpoint": settings.aws_endpoint or regional_endpoint("logs", settings.aws_region),
        "aws_credentials": LOCAL_CREDENTIALS,
        **XRAY_DOORS[settings.xray_door],
        **redaction_files(settings),
    }


def regional_endpoint(service: str, region: str) -> str:
    """Where AWS answers in this region; botocore knows the partitions and their domains."""
    from botocore.loaders import create_loader
    from botocore.regions import EndpointResolver

    found = EndpointResolver(create_loader().load_data("endpoints")).construct_endpoint(service, region)
    host = found["hostname"] if found else f"{service}.{region}.amazonaws.com"
    return f"https://{host}"


def _write(path: Path, value: str) -> None:
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(value)
    temporary.replace(path)
