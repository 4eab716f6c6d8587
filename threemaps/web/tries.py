"""The buttons: requests across the services, and services that misbehave."""

from threemaps.demo.faults import NO_FAULT, Fault, bring_about, read, require_local
from threemaps.demo.traffic import Traffic
from threemaps.errors import UserError
from threemaps.settings import SERVICES, Settings

PATH = "/api/activities/home"
BURST = 40
FAULTS = {
    "well": NO_FAULT,
    "slow": Fault(latency_ms=400),
    "failing": Fault(errors=0.5),
    "dead": Fault(down=True),
}


def offered(settings: Settings) -> bool:
    """Off where THREEMAPS_TRY_IT says so, and where requests would cost money."""
    is_local = not (settings.honeycomb_is_real or settings.aws_is_real)
    return is_local and settings.get("THREEMAPS_TRY_IT", "on").lower() not in ("off", "0", "no", "false")


def states(settings: Settings) -> dict[str, str]:
    """Service → the name of its fault, or what it is when none of ours."""
    faults = read(settings.flags_file)
    named = {fault: name for name, fault in FAULTS.items()}
    return {name: named.get(faults.get(name, NO_FAULT), str(faults.get(name))) for name in SERVICES}


def send(settings: Settings, count: int) -> str:
    report = Traffic(settings.url("frontend_api"), (PATH,), count, 0.0).run(lambda: None)
    reasons = ", ".join(f"{count} × {reason}" for reason, count in report.reasons.items())
    return f"sent {report.sent}, ok {report.ok}, failed {report.failed}{f' ({reasons})' if reasons else ''}"


def set_fault(settings: Settings, service: object, name: object) -> str:
    require_local(settings)
    if service not in SERVICES or not isinstance(name, str) or name not in FAULTS:
        raise UserError(f"{str(service)[:40]!r} cannot be made {str(name)[:40]!r}")
    return bring_about(settings, str(service), FAULTS[name])
