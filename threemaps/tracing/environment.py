"""The one place that says with which variables and which command a service is started."""

import os
import sys
from pathlib import Path

from threemaps.errors import UserError
from threemaps.settings import (
    LOCAL_AWS_ACCESS_KEY_ID,
    LOCAL_AWS_SECRET_ACCESS_KEY,
    LOCAL_ROLLBAR_TOKEN,
    PROJECT,
    SERVICES,
    Settings,
)

OTEL = "otel"
XRAY_SDK = "xray-sdk"
MODES = (OTEL, XRAY_SDK)

# THREEMAPS_SAMPLING: who decides which requests are recorded.
EVERYTHING = "all"
XRAY_RULES = "xray"

# THREEMAPS_INSTRUMENTATION: what makes the spans, OpenTelemetry's own packages or threemaps.tracing.lean.
STOCK = "stock"
LEAN = "lean"

# CLOUDWATCH_LOGS: which way log records take.
COLLECTOR = "collector"
WATCHTOWER = "watchtower"

# The SDK looks for it in the whole URL: nobody can hide another path behind a query string.
HEALTH_CHECKS = r"^https?://[^/?]*/api/health(\?|$)"

# A user's own values for these win over ours. No endpoint is among them: where things go, the settings say.
USERS_OWN = (
    "AWS_XRAY_URL",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_PROPAGATORS",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BLRP_SCHEDULE_DELAY",
    "LOG_LEVEL",
    "SERVICE_THREADS",
    "THREEMAPS_TRUST_INCOMING_TRACE",
    "PEER_CONNECT_TIMEOUT_SECONDS",
    "ACTIVITIES_TIMEOUT_SECONDS",
    "USERS_TIMEOUT_SECONDS",
)


def service_environment(settings: Settings, service: str, mode: str) -> dict[str, str]:
    """Addresses of its peers and of the collector, and how it is traced; a key of AWS only where
    it writes its log records there itself."""
    traced = _xray_sdk(settings, service) if mode == XRAY_SDK else _opentelemetry(settings)
    return {
        **_common(settings, service),
        **traced,
        **_logs(settings, mode),
        **_sampling(settings),
        **_console(settings, service),
        **_faults(settings),
        **{name: settings.get(name) for name in USERS_OWN if settings.get(name)},
    }


def service_command(settings: Settings, service: str, mode: str) -> list[str]:
    """What starts the service; only the launcher in front of gunicorn depends on the mode."""
    scripts = Path(sys.executable).parent
    launcher = [str(scripts / "opentelemetry-instrument")]
    chosen = _choice(settings, "THREEMAPS_INSTRUMENTATION", (STOCK, LEAN))
    if mode == XRAY_SDK:
        launcher = [sys.executable, "-m", "threemaps.tracing.xray_sdk"]
    elif chosen == LEAN and not _console(settings, service):  # lean keeps no metrics to show
        launcher = [sys.executable, "-m", "threemaps.tracing.lean"]
    config = PROJECT / "services" / "gunicorn.conf.py"
    # `-c`: opentelemetry-instrument would take --config for one of its own.
    return [*launcher, str(scripts / "gunicorn"), "-c", str(config), f"services.{service}:create_app()"]


def _common(settings: Settings, service: str) -> dict[str, str]:
    return {
        "OTEL_SERVICE_NAME": service,
        "THREEMAPS_LISTEN": f"{settings.bind}:{settings.ports[service]}",
        "ACTIVITIES_URL": settings.url("activities"),
        "USERS_URL": settings.url("users"),
        "ROLLBAR_API_ENDPOINT": settings.rollbar_api,
        "ROLLBAR_ACCESS_TOKEN": (
            LOCAL_ROLLBAR_TOKEN if settings.rollbar_is_local else settings.get("ROLLBAR_ACCESS_TOKEN")
        ),
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "1",  # else glibc keeps a heap for each thread, and what has been in it
    }


def _opentelemetry(settings: Settings) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": settings.url("otlp_http"),
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "40",  # six tries in 31 s outlast a collector's restart
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",  # a meter does not survive gunicorn's fork
        "OTEL_PROPAGATORS": "xray,tracecontext,baggage",  # a trace goes on through services on the X-Ray SDK
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
        "OTEL_PYTHON_EXCLUDED_URLS": HEALTH_CHECKS,
        "OTEL_PYTHON_REQUESTS_EXCLUDED_URLS": "/api/1/item/",  # items for Rollbar are no calls
        "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "true",
        "OTEL_BSP_SCHEDULE_DELAY": "500",  # milliseconds: maps are fresh, and little is lost by a kill -9
        "OTEL_BLRP_SCHEDULE_DELAY": "500",
        "OTEL_BSP_MAX_QUEUE_SIZE": "8192",
        "OTEL_BLRP_MAX_QUEUE_SIZE": "8192",
    }


def _xray_sdk(settings: Settings, service: str) -> dict[str, str]:
    return {
        "AWS_XRAY_DAEMON_ADDRESS": settings.url("xray").partition("//")[2],
        "AWS_XRAY_TRACING_NAME": service,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_NOOP_ID": "false",  # else what is not sampled has no id to go on with
        "XRAY_UNTRACED_PATHS": "/api/health",
    }


def _logs(settings: Settings, mode: str) -> dict[str, str]:
    """Through the collector; straight to CloudWatch where asked for, and by what has no OpenTelemetry."""
    way = _choice(settings, "CLOUDWATCH_LOGS", (COLLECTOR, WATCHTOWER))
    if mode != XRAY_SDK and way == COLLECTOR:
        return {}
    return {"CLOUDWATCH_LOGS": WATCHTOWER, "OTEL_LOGS_EXPORTER": "none", **_aws(settings)}


def _aws(settings: Settings) -> dict[str, str]:
    region = {
        "AWS_REGION": settings.aws_region,
        "AWS_DEFAULT_REGION": settings.aws_region,
    }  # boto3 reads this one
    if settings.aws_is_real:
        account = {name: value for name, value in settings.environ.items() if name.startswith("AWS_")}
        return {**account, **region}
    return {
        "AWS_ACCESS_KEY_ID": LOCAL_AWS_ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": LOCAL_AWS_SECRET_ACCESS_KEY,
        **region,
        "AWS_ENDPOINT_URL": settings.url("aws"),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _faults(settings: Settings) -> dict[str, str]:
    if settings.honeycomb_is_real or settings.aws_is_real:
        return {}
    return {"FLAGD_OFFLINE_FLAG_SOURCE_PATH": str(settings.flags_file)}


def _sampling(settings: Settings) -> dict[str, str]:
    """Both SDKs ask X-Ray for its rules, through the collector."""
    if _choice(settings, "THREEMAPS_SAMPLING", (EVERYTHING, XRAY_RULES)) == EVERYTHING:
        return {"OTEL_TRACES_SAMPLER": "parentbased_always_on"}
    return {
        "THREEMAPS_SAMPLING": XRAY_RULES,  # for the X-Ray SDK
        "OTEL_TRACES_SAMPLER": "threemaps_xray",
        "OTEL_TRACES_SAMPLER_ARG": settings.url("xray"),
    }


def _console(settings: Settings, service: str) -> dict[str, str]:
    """THREEMAPS_CONSOLE=users (or several, or all): spans, metrics and records on its own console too."""
    chosen = {name.strip() for name in settings.get("THREEMAPS_CONSOLE").split(",")} - {""}
    if unknown := sorted(chosen - {*SERVICES, "all"}):
        raise UserError(
            f"THREEMAPS_CONSOLE: {unknown[0]!r} is no service",
            hint=f"name {', '.join(SERVICES)} or all",
            exit_code=2,
        )
    if not chosen & {service, "all"}:
        return {}
    return {
        "OTEL_TRACES_EXPORTER": "otlp,console",
        "OTEL_LOGS_EXPORTER": "otlp,console",
        "OTEL_METRICS_EXPORTER": "console",
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",
        "XRAY_CONSOLE": "1",
    }


def _choice(settings: Settings, variable: str, choices: tuple[str, ...]) -> str:
    """The first one is the default."""
    chosen = settings.get(variable, choices[0])
    if chosen not in choices:
        raise UserError(
            f"{variable}={chosen!r} is none of {', '.join(choices)}",
            hint=f"{variable}={choices[0]} is the default",
            exit_code=2,
        )
    return chosen
