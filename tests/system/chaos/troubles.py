"""Which faults the long and the short form put on the collector."""

from tests.system.chaos.faults import (
    Trouble,
    answering,
    collector_killed,
    cut_after_accepting,
    down,
    frozen,
    half_refused,
    hanging,
    nothing,
    slow,
    standins_killed,
)
from tests.system.chaos.proxy import PIPELINES

AWS_PIPELINES = ("xray", "logs")

ALL_DOWN = Trouble("all backends down", PIPELINES, down("honeycomb", "aws"))
LIMITED = Trouble("429 from all", PIPELINES, answering(429))
CUT = Trouble("connection cut after it accepted", PIPELINES, cut_after_accepting)
HALF = Trouble("half refused in a 200", PIPELINES, half_refused)
KILLED = Trouble("collector killed -9, three times", PIPELINES, collector_killed, restarts=True)
STANDINS = Trouble("stand-ins killed -9", PIPELINES, standins_killed)

FROZEN = Trouble("stand-ins hang, then accept", PIPELINES, frozen("honeycomb", "aws"))

SHORT = (ALL_DOWN, LIMITED, CUT, HALF, KILLED, STANDINS, FROZEN)
LONG = (
    Trouble("nothing", (), nothing),
    Trouble("Honeycomb down", ("honeycomb",), down("honeycomb")),
    Trouble("AWS down", AWS_PIPELINES, down("aws")),
    ALL_DOWN,
    *(Trouble(f"{status} from all", PIPELINES, answering(status)) for status in (401, 403)),
    LIMITED,
    *(Trouble(f"{status} from all", PIPELINES, answering(status)) for status in (500, 503)),
    *(Trouble(f"{pipeline} hangs", (pipeline,), hanging(pipeline)) for pipeline in PIPELINES),
    *(Trouble(f"{pipeline} slow by 5 s a request", (pipeline,), slow(pipeline)) for pipeline in PIPELINES),
    FROZEN,
    CUT,
    HALF,
    KILLED,
    STANDINS,
)
