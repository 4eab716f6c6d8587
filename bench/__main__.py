"""`make bench`, or `python -m bench [PART…]`: measures, prints a table, writes bench/results.md.

Nothing fails: a part that cannot run here says why. Rounds are short, medians are taken, and what can be is
counted as CPU time of the measured process, so that other work on the machine disturbs little.
"""

import sys
import time
from importlib import import_module

from bench.report import Report, machine, write

PARTS = (
    "tracing",
    "collector",
    "tiers",
    "honeycomb",
    "zipkin",
    "aws",
    "cloudwatch",
    "compare",
    "page",
    "system",
)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.stderr.write(f"no part is called {unknown[0]!r}\n  → python -m bench {' '.join(PARTS)}\n")
        return 2
    about_machine = machine()
    print(*about_machine, sep="\n")
    reports = [run(name) for name in names or PARTS]
    if not names:
        print(f"\nWritten to {write(reports, about_machine)}")
    return 0


def run(name: str) -> Report:
    part = import_module(f"bench.{name}")
    report = Report(name, part.ABOUT)
    print(f"\n{name}: {part.ABOUT}", flush=True)
    began = time.perf_counter()
    with report.attempting(name):
        part.measure(report)
    report.seconds = time.perf_counter() - began
    return report


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
