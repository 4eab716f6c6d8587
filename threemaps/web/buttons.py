"""What the page's buttons do; each is a POST that only the page itself may send, in local mode alone."""

from collections.abc import Callable, Mapping

from threemaps.errors import UserError
from threemaps.settings import Settings
from threemaps.web import tour, tries


def perform(settings: Settings, fields: Mapping[str, object]) -> str:
    """Does what a button says; returns what came of it."""
    if not tries.offered(settings):
        raise UserError("trying things is switched off here", hint="THREEMAPS_TRY_IT=on in local mode")
    action = fields.get("action")
    known: dict[str, Callable[[], str]] = {
        "request": lambda: tries.send(settings, 1),
        "burst": lambda: tries.send(settings, tries.BURST),
        "fault": lambda: tries.set_fault(settings, fields.get("service"), fields.get("fault")),
        "break": lambda: tour.take(settings, fields.get("step")),
        "mend": lambda: tour.mend(settings),
    }
    if not isinstance(action, str) or action not in known:
        raise UserError(f"{str(action)[:40]!r} is no button")
    return known[action]()
