"""`python -m bench.scale --services 1000 --requests 1000000`: what agents, gateways, vendors need and cost.

Arithmetic on measured costs: nothing is started. Prices are those of `threemaps spend`.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

from threemaps.account.spend import Usage, bill, read_prices
from threemaps.settings import PROJECT

MB, GB, TB = 10**6, 10**9, 10**12
QUEUE = 256 * 2**20  # sending_queue.queue_size, an exporter
NODE_CORES = 16


@dataclass(frozen=True, slots=True)
class Load:
    services: int
    requests: float  # from outside, a second
    spans: float = 8  # a request; the demo's home request, as the next three
    calls: float = 3
    records: float = 4
    record_bytes: float = 621  # `threemaps spend` after 400 home requests: 993,811 bytes in 1,600 records
    edges: float = 3  # a service, in the map
    kept: float = 1.0  # share of the traces that the services record
    hours: float = 1.0  # of an outage of the vendors

    @property
    def spans_a_second(self) -> float:
        return self.requests * self.spans


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured; `python -m bench tiers` unless it says otherwise."""

    agent: float = 13.7e-6  # seconds of CPU a span
    gateway: float = 29.1e-6
    alone: float = 28.1e-6  # `python -m bench collector`: one collector, no tiers
    service: float = 8e-3  # seconds of CPU a request, `python -m bench system`
    agent_memory: float = 175 * MB
    gateway_memory: float = 233 * MB
    queued: float = 564  # bytes of a span in a gateway's queue
    on_disk: float = 840 / 399  # a queue's file, of what is in it
    paths: int = 2  # that queue spans
    packed: float = 52  # bytes of a span from an agent to a gateway, where spans are alike
    sent: float = 538  # bytes of a span from a gateway to the vendors
    xray_bytes: float = 700  # of a span at X-Ray's OTLP endpoint, before compression


@dataclass(frozen=True, slots=True)
class Deployment:
    """As deploy/kubernetes has it."""

    gateway_share: float = 0.6  # of a core: what the autoscaler aims at
    most_gateways: int = 30
    pod_share: float = 0.7  # of a core, of a service's pod
    least_pods: int = 2


@dataclass(frozen=True, slots=True)
class Quotas:
    """AWS's defaults for an account and region; they can be raised. Yours:
    aws service-quotas list-service-quotas --service-code xray (or logs)."""

    segments: float = 2600  # X-Ray, a second
    dns_answer: float = 65_535 / 16  # addresses in one answer over TCP


@dataclass(frozen=True, slots=True)
class Limit:
    what: str
    requests: float  # a second, at which it is reached
    then: str


@dataclass(frozen=True, slots=True)
class Need:
    pods: int
    agent_cores: float
    agent_memory: float
    gateways: int
    gateway_cores: float
    gateway_memory: float
    connections: int
    inside: tuple[float, float]  # bytes a second, where spans are alike and where they are not
    outside: float
    lasts: float  # seconds until a path's queue is full
    queue: float  # bytes on a gateway's disk after the outage
    edges: float
    error: float  # of an edge's count from kept traces, in 15 minutes, 95 %


def need(load: Load, costs: Costs, how: Deployment) -> Need:
    spans = load.spans_a_second * load.kept
    pods = max(load.services * how.least_pods, math.ceil(load.requests * costs.service / how.pod_share))
    gateways = max(1, math.ceil(spans * costs.gateway / how.gateway_share))
    edges = load.services * load.edges
    logs = load.requests * load.records * load.record_bytes
    each = spans / gateways
    counted = load.requests * load.calls / edges * 900 * load.kept
    return Need(
        pods=pods,
        agent_cores=spans * costs.agent,
        agent_memory=pods * costs.agent_memory,
        gateways=gateways,
        gateway_cores=spans * costs.gateway,
        gateway_memory=gateways * costs.gateway_memory,
        connections=pods * gateways,
        inside=(spans * costs.packed, spans * costs.queued),
        outside=spans * costs.sent + logs,
        lasts=QUEUE / (each * costs.queued) if each else math.inf,
        queue=each * costs.queued * costs.paths * costs.on_disk * load.hours * 3600,
        edges=edges,
        error=1.96 / math.sqrt(counted) if counted else math.inf,
    )


def limits(load: Load, costs: Costs, how: Deployment, quotas: Quotas) -> list[Limit]:
    """The first one first."""
    a_gateway = how.gateway_share / costs.gateway / load.spans / load.kept  # requests a second
    found = [
        Limit("one collector on one core", 1 / costs.alone / load.spans / load.kept, "the two tiers"),
        Limit(
            f"X-Ray's quota of {quotas.segments:,.0f} segments/s",
            quotas.segments / (load.spans * load.kept) if load.kept else math.inf,
            "a higher one, fewer traces, more accounts or regions",
        ),
        Limit(
            f"the autoscaler's {how.most_gateways} gateways",
            how.most_gateways * a_gateway,
            "maxReplicas",
        ),
        Limit(
            f"{quotas.dns_answer:,.0f} gateways in one DNS answer",
            quotas.dns_answer * a_gateway,
            "groups of gateways",
        ),
    ]
    return sorted(found, key=lambda limit: limit.requests)


def usage(load: Load, costs: Costs) -> Usage:
    """A second of it, as `threemaps spend` would have counted it."""
    spans = round(load.spans_a_second * load.kept)
    return Usage(
        seconds=1,
        requests=round(load.requests * load.kept),
        events=spans,
        spans=spans,
        span_bytes=round(spans * costs.xray_bytes),
        indexed=0.01,
        log_bytes=round(load.requests * load.records * load.record_bytes),
    )


def report(load: Load, costs: Costs, how: Deployment, quotas: Quotas) -> list[str]:
    needed = need(load, costs, how)
    items = bill(usage(load, costs), read_prices(PROJECT / "threemaps" / "account" / "prices.json"))
    rows = [
        ("spans", f"{load.spans_a_second:,.0f} /s"),
        ("pods with an agent", f"{needed.pods:,}"),
        (
            "agents, CPU and memory",
            f"{needed.agent_cores:,.1f} cores, at most {needed.agent_memory / GB:,.1f} GB",
        ),
        ("gateways", f"{needed.gateways:,}, each {how.gateway_share:.0%} of a core used"),
        ("nodes of 16 cores for them", f"{math.ceil(needed.gateways / NODE_CORES):,}"),
        (
            "gateways, CPU and memory",
            f"{needed.gateway_cores:,.1f} cores, at most {needed.gateway_memory / GB:,.1f} GB",
        ),
        ("connections, agents to gateways", f"{needed.connections:,}; {needed.pods:,} a gateway"),
        (
            "network, agents to gateways",
            " to ".join(f"{one * 8 / GB:,.2f}" for one in needed.inside) + " Gbit/s",
        ),
        ("network, gateways to vendors", f"{needed.outside * 8 / GB:,.2f} Gbit/s"),
        ("a queue of 256 MiB lasts", f"{needed.lasts:,.0f} s"),
        (f"a gateway's disk for {load.hours:g} h", f"{needed.queue / GB:,.1f} GB"),
        ("all gateways' disks for that", f"{needed.queue * needed.gateways / TB:,.2f} TB"),
        *((f"{item.backend}, {item.unit}", f"{item.a_month:,.0f} USD a month") for item in items),
        (
            "an average edge, 15 minutes",
            "exact" if load.kept == 1 else f"± {needed.error:.1%}",
        ),
    ]
    lines = [f"{what:<34}{value}" for what, value in rows]
    lines += ["", "limits, and the requests/s at which each is reached:"]
    return lines + [
        f"{limit.requests:>12,.0f}  {limit.what}: {limit.then}" for limit in limits(load, costs, how, quotas)
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--requests", type=float, default=1_000_000, help="a second, from outside")
    parser.add_argument("--kept", type=float, default=1.0, help="share of traces that services record")
    parser.add_argument("--hours", type=float, default=1.0, help="of an outage that queues have to outlast")
    options = parser.parse_args(arguments)
    if options.services < 1 or options.requests <= 0 or not 0 < options.kept <= 1 or options.hours < 0:
        parser.error("services and requests have to be more than 0, kept a share above 0 and up to 1")
    load = Load(options.services, options.requests, kept=options.kept, hours=options.hours)
    print("\n".join(report(load, Costs(), Deployment(), Quotas())))


if __name__ == "__main__":
    main()
