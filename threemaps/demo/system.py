"""What the running system consists of: one spec a process, and which process gets which variables."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from threemaps.basics import nearby
from threemaps.demo.processes import Spec
from threemaps.demo.resolved import collector_command, collector_environment, resolved
from threemaps.errors import UserError
from threemaps.settings import PROJECT, SERVICES, Settings
from threemaps.tracing.environment import MODES, service_command, service_environment

# What any program may need of its surroundings. Keys are not among it.
PASSED_ON = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV"),
    *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"),
)
COLLECTOR_PORTS = (
    *("otlp_grpc", "otlp_http", "xray", "health"),
    *("collector_metrics", "hop", "hop_xray"),
)

# What the user may set of it besides: whoever starts it again has to know.
OF_THE_COLLECTOR = ("GOMAXPROCS", "GOGC", "GOMEMLIMIT")

Tracing = Mapping[str, str]  # service → mode


def parse_tracing(text: str) -> Tracing:
    """`otel`, `xray-sdk`, or a default and exceptions: `otel,users=xray-sdk`."""
    default, *exceptions = [part.strip() for part in text.split(",")]
    tracing = dict.fromkeys(SERVICES, _mode(default, text))
    for exception in exceptions:
        service, separator, mode = exception.partition("=")
        if not separator or service not in SERVICES:
            raise UserError(
                f"--tracing {text!r}: {exception!r} names no service",
                hint=f"write SERVICE=MODE with one of {', '.join(SERVICES)}",
                exit_code=2,
            )
        tracing[service] = _mode(mode, text)
    return tracing


def _mode(name: str, text: str) -> str:
    if name not in MODES:
        raise UserError(
            f"--tracing {text!r}: {name!r} is no way of tracing",
            hint=f"use {' or '.join(MODES)}, as in --tracing otel,users=xray-sdk",
            exit_code=2,
        )
    return name


def local_specs(settings: Settings) -> list[Spec]:
    """The stand-ins of the vendors that are not real, and the page."""
    return [_python_spec(settings, name, ("threemaps.standins", name), {}) for name in settings.standins]


def web_spec(settings: Settings) -> Spec:
    return _python_spec(settings, "web", ("threemaps.web",), reading_keys(settings))


def guard_spec(settings: Settings, collector: Path) -> Spec:
    """It starts the collector again after a panic: which one, and with what, it has to know."""
    prefixes = ("AWS_",) if settings.aws_is_real else ()
    names = (*OF_THE_COLLECTOR, *(("HONEYCOMB_API_ENDPOINT",) if settings.honeycomb_is_real else ()))
    given = {
        name: value for name, value in settings.environ.items() if name in names or name.startswith(prefixes)
    }
    extra = {**given, "THREEMAPS_COLLECTOR": str(collector)}
    return _python_spec(settings, "guard", ("threemaps.diagnose.guard",), extra)


def _python_spec(settings: Settings, name: str, module: tuple[str, ...], extra: Mapping[str, str]) -> Spec:
    listens = name in settings.ports
    return Spec(
        name=name,
        command=(sys.executable, "-m", *module),
        environment={**surroundings(settings), **extra},
        health_url=f"{settings.url(name)}/healthz" if listens else "",
        ports=(name,) if listens else (),
        folder=PROJECT,
    )


def collector_spec(settings: Settings, binary: Path) -> Spec:
    return Spec(
        name="collector",
        command=collector_command(binary, settings),
        # It reads its files once, when it starts: other values, a new key, have to make it another process.
        environment={
            **_passed_on(),
            **collector_environment(settings),
            "THREEMAPS_RESOLVED": _digest(resolved(settings)),
        },
        health_url=settings.url("health"),
        ports=COLLECTOR_PORTS,
        folder=PROJECT,
    )


def _digest(values: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(values.items())).encode()).hexdigest()


def service_specs(settings: Settings, tracing: Tracing) -> list[Spec]:
    return [
        Spec(
            name=service,
            command=tuple(service_command(settings, service, tracing[service])),
            environment={**_passed_on(), **service_environment(settings, service, tracing[service])},
            health_url=f"{settings.url(service)}/api/health",
            ports=(service,),
            folder=PROJECT,
        )
        for service in SERVICES
    ]


def surroundings(settings: Settings) -> dict[str, str]:
    """The environment of our own processes: our variables, without a second look into `.env`."""
    ours = {name: value for name, value in settings.environ.items() if name.startswith("THREEMAPS_")}
    return {
        **_passed_on(),
        **ours,
        "THREEMAPS_STATE": str(settings.state),
        "THREEMAPS_ENV_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",
    }


HONEYCOMB_READING = (
    "HONEYCOMB_CONFIGURATION_KEY",
    "HONEYCOMB_MANAGEMENT_KEY",
    "HONEYCOMB_API_ENDPOINT",
    "HONEYCOMB_MCP_ENDPOINT",
)


def reading_keys(settings: Settings) -> dict[str, str]:
    """What the page needs to read real maps back. Nothing of it where the backend is a stand-in."""
    prefixes = ("AWS_",) if settings.aws_is_real else ()
    names: tuple[str, ...] = HONEYCOMB_READING if settings.honeycomb_is_real else ()
    if names and not settings.get("HONEYCOMB_CONFIGURATION_KEY"):
        names = (*names, "HONEYCOMB_API_KEY")  # it names the environment, which a management key does not
    return {
        name: value for name, value in settings.environ.items() if name in names or name.startswith(prefixes)
    }


def _passed_on() -> dict[str, str]:
    surroundings = {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}
    if not any("proxy" in name.lower() for name in surroundings):
        return surroundings
    exceptions = nearby.excepted(os.environ.get("no_proxy") or os.environ.get("NO_PROXY", ""))
    return {**surroundings, "NO_PROXY": exceptions, "no_proxy": exceptions}
