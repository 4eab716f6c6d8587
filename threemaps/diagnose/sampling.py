"""Something keeps a share of the calls only: X-Ray's rules, an SDK's variable."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from threemaps.diagnose.absent import Absent
from threemaps.diagnose.case import Case, Check, Reason
from threemaps.model.difference import DifferenceKind
from threemaps.model.drawing import title
from threemaps.readers.aws import reasons
from threemaps.readers.pages import pages
from threemaps.readers.xray import XRay
from threemaps.settings import Settings

TOLERANCE = 3.0  # standard deviations


@dataclass(frozen=True, slots=True)
class Share:
    """No backend: it is done before the export paths part."""

    rate: float
    where: str
    backend: str | None = None

    def __str__(self) -> str:
        whose = f"{title(self.backend)}'s map holds" if self.backend else "the maps hold"
        return f"{self.where} keeps {self.rate:.0%} of the calls: {whose} a share, not all"


@dataclass(frozen=True, slots=True)
class Sampling:
    """`kept`: what the traces show that X-Ray has indexed: of those, calls get lost but are not left out."""

    shares: tuple[Share, ...] = field(default=())
    kept: Absent | None = None

    @property
    def sampled(self) -> frozenset[str]:
        """Backends that hold a share."""
        return frozenset(one.backend for one in self.shares if one.backend and one.rate < 1)

    def reason(self, case: Case) -> Reason | Check | None:
        for one in self.shares:
            if one.rate < 1 and one.backend in (None, case.diverging.backend):
                found = self._of_share(case, one)
                if found:
                    return found
        return Check("sampling: no rule or setting in force explains this share")

    def _of_share(self, case: Case, share: Share) -> Reason | None:
        """Times of a share of the calls are other times; a node of which no call is kept is not drawn."""
        kind, is_shown = case.difference.kind, share.backend is not None
        said, usual = case.said, case.usual
        if kind is DifferenceKind.MISSING_NODE:
            names = [one.name for one in case.others]
            usual = max((edge.requests or 0 for edge in case.index.touching(case.ends[0], names)), default=0)
        if kind is not DifferenceKind.REQUESTS and not is_shown:
            return None
        seen = f"{said:g} of {usual:g} calls is what {share.rate:.0%} would leave"
        if kind is DifferenceKind.LATENCY:
            seen = f"{case.title} times the calls that it keeps"
        elif not is_likely(share.rate, said, usual):
            if not is_shown or self.kept is None or said > usual or not self.kept.is_whole(case):
                return None
            seen = f"each of the {self.kept.traces} traces that {case.title} has holds all of these calls"
        return Reason(
            f"sampling: {share.where} keeps {share.rate:.0%} of the calls",
            "compare shares instead of counts, or keep everything while you compare",
            (seen,),
            expected=case.diverging.sampled,
        )


def is_likely(rate: float, said: float, usual: float) -> bool:
    """Where each call is kept or not by itself."""
    spread = math.sqrt(usual * rate * (1 - rate))
    return abs(said - usual * rate) <= TOLERANCE * spread + 1


def in_force(xray: XRay | None, settings: Settings, services: Iterable[str]) -> Sampling:
    """X-Ray's rules that can match these services and have left calls out, its index, the SDKs' own variable.

    Calls kept by the reservoir (borrowed) count as kept. May raise UnreadableError.
    """
    found: list[Share] = []
    if xray:
        with reasons(xray.settings, "X-Ray", "xray:GetSamplingStatisticSummaries"):
            found += _by_rules(xray.client, list(services))
        found += _by_index(xray)
    if "ratio" in settings.get("OTEL_TRACES_SAMPLER"):
        found += _from_environment(settings.get("OTEL_TRACES_SAMPLER_ARG", "1"))
    return Sampling(tuple(found))


def _by_rules(client: Any, services: list[str]) -> Iterator[Share]:
    summaries = [
        one
        for page in pages(client.get_sampling_statistic_summaries, "NextToken", "X-Ray's sampling statistics")
        for one in page["SamplingStatisticSummaries"]
    ]
    if not any(one.get("RequestCount") for one in summaries):
        return
    ours = {
        record["SamplingRule"].get("RuleName")
        for page in pages(client.get_sampling_rules, "NextToken", "X-Ray's sampling rules")
        for record in page["SamplingRuleRecords"]
        if any(fnmatchcase(name, record["SamplingRule"].get("ServiceName") or "*") for name in services)
    }
    for one in summaries:
        asked = one.get("RequestCount") or 0
        kept = (one.get("SampledCount") or 0) + (one.get("BorrowCount") or 0)
        if one.get("RuleName") in ours and asked and kept < asked:
            yield Share(kept / asked, f"the X-Ray sampling rule {one.get('RuleName')}")


def _by_index(xray: XRay) -> Iterator[Share]:
    """With Transaction Search X-Ray draws its map of the traces that it indexes."""
    share = xray.indexed_share()
    if share < 1:
        yield Share(share, "X-Ray's indexing rule", "xray")


def _from_environment(argument: str) -> list[Share]:
    try:
        rate = float(argument)
    except ValueError:
        return []
    return [Share(rate, f"OTEL_TRACES_SAMPLER_ARG={argument}")] if 0 <= rate < 1 else []
