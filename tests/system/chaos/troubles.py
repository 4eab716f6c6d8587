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
from tests.system.chaos.proxy import LEGS

AWS_LEGS = ("xray", "logs")

ALL_DOWN = Trouble("all backends down", LEGS, down("honeycomb", "aws"))
LIMITED = Trouble("429 from all", LEGS, answering(429))
CUT = Trouble("connection cut after it accepted", LEGS, cut_after_accepting)
HALF = Trouble("half refused in a 200", LEGS, half_refused)
KILLED = Trouble("collector killed -9, three times", LEGS, collector_killed, restarts=True)
STANDINS = Trouble("stand-ins killed -9", LEGS, standins_killed)

FROZEN = Trouble("stand-ins hang, then accept", LEGS, frozen("honeycomb", "aws"))

SHORT = (ALL_DOWN, LIMITED, CUT, HALF, KILLED, STANDINS, FROZEN)
LONG = (
    Trouble("nothing", (), nothing),
    Trouble("Honeycomb down", ("honeycomb",), down("honeycomb")),
    Trouble("AWS down", AWS_LEGS, down("aws")),
    ALL_DOWN,
    *(Trouble(f"{status} from all", LEGS, answering(status)) for status in (401, 403)),
    LIMITED,
    *(Trouble(f"{status} from all", LEGS, answering(status)) for status in (500, 503)),
    *(Trouble(f"{leg} hangs", (leg,), hanging(leg)) for leg in LEGS),
    *(Trouble(f"{leg} slow by 5 s a request", (leg,), slow(leg)) for leg in LEGS),
    FROZEN,
    CUT,
    HALF,
    KILLED,
    STANDINS,
)
