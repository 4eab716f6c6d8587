"""`python -m bench.scale 3:10 1000:1000000`: what services and requests a second need and cost.

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
    """Measured; `python -m bench tiers`, from its two sizes of requests, unless it says otherwise."""

    agent_span: float = 4.2e-6  # seconds of CPU
    agent_request: float = 1.7e-3  # from an SDK
    gateway_span: float = 22.7e-6
    gateway_request: float = 3.2e-3
    alone: float = 28.1e-6  # a span; `python -m bench collector`: one collector, no tiers
    service: float = 8e-3  # a request, `python -m bench system`
    agent_memory: float = 57 * MB
    gateway_memory: float = 86 * MB
    queued: float = 564  # bytes of a span in a gateway's queue
    on_disk: float = 840 / 399  # a queue's file, of what is in it
    paths: int = 2  # that queue spans
    sent: float = 538  # bytes of a span from a gateway to the vendors
    xray_bytes: float = 700  # of a span at X-Ray's OTLP endpoint, before compression


@dataclass(frozen=True, slots=True)
class Deployment:
    """As deploy/kubernetes has it."""

    gateway_share: float = 0.6  # of a core: what the autoscaler aims at
    most_gateways: int = 30
    pod_share: float = 0.7  # of a core, of a service's pod
    least_pods: int = 2
    agents: int = 2  # a node
    delay: float = 0.5  # OTEL_BSP_SCHEDULE_DELAY and OTEL_BLRP_SCHEDULE_DELAY, seconds
    batch: int = 512  # OTEL_BSP_MAX_EXPORT_BATCH_SIZE, its default


# X-Ray's default for an account and region. Yours: aws service-quotas list-service-quotas --service-code xray
SEGMENTS = 2600


@dataclass(frozen=True, slots=True)
class Need:
    pods: int
    nodes: int
    exports: float  # requests of SDKs, a second
    agent_cores: float
    agent_memory: float
    gateways: int
    gateway_cores: float
    gateway_memory: float
    outside: float  # bytes a second
    lasts: float  # seconds until a path's queue is full
    queue: float  # bytes on all gateways' disks after the outage
    error: float  # of an edge's count from kept traces, in 15 minutes, 95 %


def need(load: Load, costs: Costs, how: Deployment) -> Need:
    spans = load.spans_a_second * load.kept
    pods = max(load.services * how.least_pods, math.ceil(load.requests * costs.service / how.pod_share))
    nodes = math.ceil(pods * how.pod_share / NODE_CORES)
    records = load.requests * load.records
    exports = sum(max(min(items, pods / how.delay), items / how.batch) for items in (spans, records))
    gateway_cores = spans * costs.gateway_span + exports * costs.gateway_request
    gateways = max(1, math.ceil(gateway_cores / how.gateway_share))
    counted = load.requests * load.calls / (load.services * load.edges) * 900 * load.kept
    return Need(
        pods=pods,
        nodes=nodes,
        exports=exports,
        agent_cores=spans * costs.agent_span + exports * costs.agent_request,
        agent_memory=nodes * how.agents * costs.agent_memory,
        gateways=gateways,
        gateway_cores=gateway_cores,
        gateway_memory=gateways * costs.gateway_memory,
        outside=spans * costs.sent + records * load.record_bytes,
        lasts=QUEUE / (spans / gateways * costs.queued) if spans else math.inf,
        queue=spans * costs.queued * costs.paths * costs.on_disk * load.hours * 3600,
        error=1.96 / math.sqrt(counted) if counted else math.inf,
    )


def first_limit(load: Load, costs: Costs, how: Deployment) -> str:
    """Of what stands in the way as delivered, what this load is beyond."""
    spans = load.spans_a_second * load.kept
    if spans > SEGMENTS:
        return f"X-Ray {spans / SEGMENTS:,.0f} x"
    if need(load, costs, how).gateways > how.most_gateways:
        return "maxReplicas"
    return "one core" if spans * costs.alone > 1 else "none"


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


def column(load: Load, costs: Costs, how: Deployment) -> dict[str, str]:
    needed = need(load, costs, how)
    items = bill(usage(load, costs), read_prices(PROJECT / "threemaps" / "account" / "prices.json"))
    return {
        "requests/s": f"{load.requests:,.0f}",
        "services": f"{load.services:,}",
        "spans/s": f"{load.spans_a_second:,.0f}",
        "pods": f"{needed.pods:,}",
        "nodes of 16 cores for pods": f"{needed.nodes:,}",
        "requests of SDKs/s": f"{needed.exports:,.0f}",
        "agents, cores": f"{needed.agent_cores:,.2f}",
        "agents, GB": f"{needed.agent_memory / GB:,.1f}",
        "gateways, 60% of a core each": f"{needed.gateways:,}",
        "gateways, GB": f"{needed.gateway_memory / GB:,.1f}",
        "to vendors, Gbit/s": f"{needed.outside * 8 / GB:,.2f}",
        "256 MiB of queue last, s": f"{needed.lasts:,.0f}",
        f"disks for {load.hours:g} h, TB": f"{needed.queue / TB:,.3f}",
        **{f"{item.backend}, {item.unit}, USD a month": f"{item.a_month:,.0f}" for item in items},
        "an edge in 15 minutes": "exact" if load.kept == 1 else f"± {needed.error:.1%}",
        "first limit": first_limit(load, costs, how),
    }


def report(loads: Sequence[Load], costs: Costs, how: Deployment) -> list[str]:
    columns = [column(load, costs, how) for load in loads]
    return [f"{name:<42}" + "".join(f"{one[name]:>14}" for one in columns) for name in columns[0]]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument(
        "loads", nargs="+", metavar="SERVICES:REQUESTS", help="requests a second, from outside"
    )
    parser.add_argument("--kept", type=float, default=1.0, help="share of traces that services record")
    parser.add_argument("--hours", type=float, default=1.0, help="of an outage that queues have to outlast")
    options = parser.parse_args(arguments)
    if not 0 < options.kept <= 1 or options.hours < 0:
        parser.error(f"--kept {options.kept} --hours {options.hours}: a share up to 1, and no negative time")
    loads = [parse(parser, one, options.kept, options.hours) for one in options.loads]
    print("\n".join(report(loads, Costs(), Deployment())))


def parse(parser: argparse.ArgumentParser, text: str, kept: float, hours: float) -> Load:
    services, _, requests = text.partition(":")
    try:
        load = Load(int(services), float(requests), kept=kept, hours=hours)
    except ValueError:
        parser.error(f"{text!r} is not SERVICES:REQUESTS, such as 30:1000")
    if load.services < 1 or not 0 < load.requests < math.inf:
        parser.error(f"{text!r}: services and requests have to be more than 0")
    return load


if __name__ == "__main__":
    main()
