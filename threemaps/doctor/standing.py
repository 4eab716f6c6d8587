"""What is wrong whatever a request does: said before the links, which hold all the same."""

from datetime import UTC, datetime, timedelta
from shlex import quote

from threemaps.compare.troubles import standing_troubles
from threemaps.demo.machine import machine_troubles
from threemaps.diagnose.datagrams import dropped_datagrams
from threemaps.diagnose.losses import losses
from threemaps.doctor.check import Check, good, noted
from threemaps.doctor.walk import Walk

LINK, NAME = "service", "standing troubles"
RECENT = timedelta(hours=1)  # what services reported before is over


def check_standing(walk: Walk) -> Check:
    """Faults that are switched on, spans that SDKs dropped. Losses and machine have links of their own."""
    settings = walk.settings
    elsewhere = {str(one) for one in (dropped_datagrams(settings), *losses(settings)) if one}
    elsewhere |= {one.what for one in machine_troubles(settings)}
    troubles = standing_troubles(settings, datetime.now(UTC) - RECENT)
    found = [one for one in troubles if one.what not in elsewhere]
    if not found:
        return good(LINK, NAME, "no fault is switched on, and no service reports dropped spans")
    mending = next((one.advice for one in found if one.advice != "threemaps doctor"), "")
    step = mending or f"grep -i drop {quote(str(settings.logs))}/*.log"
    return noted(LINK, NAME, "; ".join(one.what for one in found), step)
