"""What runs where, as data."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from threemaps.demo import health, heartbeat
from threemaps.demo.processes import Running, records
from threemaps.settings import SERVICES, Settings


def status(settings: Settings) -> tuple[dict[str, Any], list[str]]:
    """The JSON that scripts rely on, and the names of what is down."""
    known = records(settings).load()
    running = {name: process for name, process in known.items() if process.alive}
    state = {
        "services": {service: settings.url(service) for service in SERVICES},
        "collector": {
            "otlp_http": settings.url("otlp_http"),
            "otlp_grpc": _host_port(settings, "otlp_grpc"),
            "xray_udp": _host_port(settings, "xray"),
            "health": settings.url("health"),
            "pid": _pid(running, "collector"),
            "restarts": known["collector"].restarts if "collector" in known else 0,
        },
        "backends": {
            "honeycomb": _backend(settings, running, "honeycomb", settings.honeycomb_api),
            "aws": {
                **_backend(settings, running, "aws", settings.aws_endpoint or ""),
                "region": settings.aws_region,
            },
            "rollbar": _backend(settings, running, "rollbar", settings.rollbar_api),
        },
        "web": settings.url("web"),
    }
    return state, _down(settings)


def _backend(settings: Settings, running: dict[str, Running], name: str, api: str) -> dict[str, Any]:
    if name in settings.standins:
        return {"mode": "local", "api": api, "pid": _pid(running, name)}
    return {"mode": "cloud", "api": api or None}


def _pid(running: dict[str, Running], name: str) -> int | None:
    return running[name].pid if name in running else None


def _host_port(settings: Settings, name: str) -> str:
    return settings.url(name).removeprefix("http://")


def _down(settings: Settings) -> list[str]:
    probes = {service: f"{settings.url(service)}/api/health" for service in SERVICES}
    probes |= {"collector": settings.url("health"), "web": f"{settings.url('web')}/healthz"}
    probes |= {name: f"{settings.url(name)}/healthz" for name in settings.standins}
    with ThreadPoolExecutor(len(probes)) as pool:
        healthy = dict(zip(probes, pool.map(health.answers, probes.values()), strict=True))
    healthy["guard"] = heartbeat.beats(settings)
    return [name for name, is_healthy in healthy.items() if not is_healthy]
