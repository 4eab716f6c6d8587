"""What only a tier of gateways suffers from: each counts the calls whose both halves came to it."""

from threemaps.diagnose.causes.case import Case, Reason
from threemaps.diagnose.causes.servicegraph import stray_calls
from threemaps.diagnose.evidence.model import Evidence
from threemaps.model.servicemap import Kind


def changed(case: Case, evidence: Evidence) -> Reason | str:
    ring = evidence.ring
    if ring is None or not ring.changed:
        return "the gateways: none came or went inside the window"
    lacks_calls = case.odd.backend == "cloudwatch" and case.short
    if not lacks_calls and not stray_calls(case) and not from_nowhere(case):
        return "a gateway that came or went: it costs CloudWatch's map only"
    return Reason(
        "a gateway came or went inside the window: halves of a call met at different gateways, "
        "or died with the one that held them",
        "wait until the change is out of the window, or shorten --since; "
        "let gateways come and go one at a time",
        (
            *(f"the gateway of {name} came at {at:%H:%M:%S} UTC" for name, at in ring.began.items()),
            *(f"the gateway of {name} went after {at:%H:%M:%S} UTC" for name, at in ring.ended.items()),
        ),
    )


def from_nowhere(case: Case) -> bool:
    """A callee's half that stays alone is drawn as called from outside, beside those that were."""
    if not any(end.kind is Kind.OUTSIDE for end in case.ends):
        return False
    flushed = [case.says(one) for one in case.sources if one.backend == "cloudwatch"]
    others = [case.says(one) for one in case.sources if one.backend != "cloudwatch"]
    return bool(flushed) and max(flushed) > max(others, default=0)
