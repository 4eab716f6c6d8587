"""`python -m tests.component.deploy`: gateways come and go by chance; what each backend holds."""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.collector_process import CollectorProcess, wait_for
from tests.component.deploy.ring import MISSED, PREFIX, Traffic, handed_on
from tests.component.deploy.tiers import Tiers, tiers_in
from tests.system.drawing import check
from threemaps.compare.side_by_side import compare_now
from threemaps.readers import BACKENDS

LONGEST = timedelta(hours=1)
FEWEST, MOST = 2, 5


class Trouble:
    """What may happen to gateways. One that was killed is not removed: it is hard to say when it is empty."""

    def __init__(self, tiers: Tiers, chance: random.Random) -> None:
        self.tiers, self.chance, self.traffic = tiers, chance, Traffic(tiers)
        self.killed: set[int] = set()

    def round(self) -> str:
        removable = [one for one in self.tiers.gateways if id(one) not in self.killed]
        choices: list[Callable[[], str]] = [self.kill, self.kill_unnoticed]
        choices += [self.add] if len(self.tiers.gateways) < MOST else []
        choices += (
            [lambda: self.remove(self.chance.choice(removable))]
            if removable and len(self.tiers.gateways) > FEWEST
            else []
        )
        return self.chance.choice(choices)()

    def kill(self) -> str:
        victim = self.chance.choice(self.tiers.gateways)
        self.killed.add(id(victim))
        self.traffic.with_halves_apart(victim.kill)
        self.tiers.route([one for one in self.tiers.gateways if one is not victim])
        self.traffic.go_on()
        victim.start()
        self.tiers.route(self.tiers.gateways)
        return "killed, taken off the list, started again"

    def kill_unnoticed(self) -> str:
        victim = self.chance.choice(self.tiers.gateways)
        self.killed.add(id(victim))
        self.traffic.some(100, victim.kill)
        victim.start()
        return "killed in the middle of traffic, started again"

    def add(self) -> str:
        self.tiers.gateways.insert(0, self.tiers.gateway().start())
        self.tiers.route(self.tiers.gateways)
        return "added"

    def remove(self, leaver: CollectorProcess) -> str:
        self.tiers.gateways.remove(leaver)
        self.tiers.route(self.tiers.gateways)
        wait_for(lambda: handed_on(self.tiers.agents) and handed_on([leaver]), 60)
        leaver.stop()
        return "removed"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.component.deploy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder, tiers_in(Path(folder)) as tiers:
        tiers.start(3, 3)
        trouble = Trouble(tiers, chance)
        for number in range(options.rounds):
            sys.stderr.write(f"{number + 1}: {trouble.round()}\n")
            trouble.traffic.go_on(MISSED)
        forest = trouble.traffic.forest
        check(tiers.settings, PREFIX, forest.truth.drawn_by, ("honeycomb", "xray"), LONGEST)
        found = compare_now(tiers.settings, tuple(BACKENDS), LONGEST, f"{PREFIX}*")
    calls = sum(forest.truth.calls.values())
    sys.stdout.write(f"{len(forest.spans):,} spans, {calls:,} calls: Honeycomb and X-Ray exact\n")
    causes = Counter(one.cause for one in found.differences if not one.expected)
    sys.stdout.writelines(
        f"{count:>4} differences in CloudWatch: {cause}\n" for cause, count in causes.items()
    )
    return 1 if "unknown" in causes else 0


if __name__ == "__main__":
    sys.exit(main())
