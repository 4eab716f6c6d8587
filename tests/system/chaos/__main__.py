"""`python -m tests.system.chaos`: every fault on the real collector, and what was lost."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.system.chaos.disk import ALL_FULL, FULL, can_mount, disk_full, state_full
from tests.system.chaos.measure import Result, run
from tests.system.chaos.table import figures_of, line_of, lines_of
from tests.system.chaos.troubles import LONG
from tests.system.chaos.waiting import held, latencies
from tests.system.chaos.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.system.chaos", description=__doc__)
    parser.add_argument("--calls", type=int, default=150, help="calls sent for each fault")
    parser.add_argument("--seconds", type=float, default=0, help="how long each fault lasts at least")
    parser.add_argument("--only", default=[""], nargs="*", help="faults with this in their name")
    parser.add_argument("--xray-ingest", default="otlp", help="otlp, or segments")
    options = parser.parse_args()
    results: list[Result] = []
    around: list[str] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        World.running(Path(folder) / "state", options.xray_ingest) as world,
    ):
        for number, trouble in enumerate(LONG):
            if any(part in trouble.name for part in options.only):
                results.append(run(world, trouble, f"chaos{number:02}", options.calls, options.seconds))
                sys.stderr.write(line_of(results[-1]) + f"  {results[-1].seconds:.0f} s\n")
        if options.only == [""]:
            around = [*latencies(world, Path(folder)), "", *held(world), ""]
    for trouble, on_a_small_disk in ((FULL, disk_full), (ALL_FULL, state_full)):
        if any(part in trouble.name for part in options.only) and can_mount():
            with tempfile.TemporaryDirectory() as folder:
                results.append(on_a_small_disk(Path(folder) / "state", options.calls))
                sys.stderr.write(line_of(results[-1]) + f"  {results[-1].seconds:.0f} s\n")
    sys.stdout.write("\n".join(["", *lines_of(results), "", *figures_of(results), "", *around]))
    silent = [
        pipeline
        for result in results
        for pipeline in result.pipelines.values()
        if "SILENCE" in pipeline.verdict
    ]
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
