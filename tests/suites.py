"""Other people's test suites against the stand-ins: `python -m tests.suites SUITE CHECKOUT`.

A checkout of theirs is given by its path; none of their code is in this repository. The tests that are named
here concern what a stand-in has; `--all` runs the whole suite. What passed and what failed is counted.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.conftest import serving
from tests.foreign import HONEYCOMB_API
from threemaps.settings import LOCAL_CONFIGURATION_KEY
from threemaps.standins.honeycomb.app import SCHEMA, create_app
from threemaps.standins.honeycomb.limits import Limits
from threemaps.standins.store import Store

DATASET = "foreign"
# A suite asks more in a minute than a person does; it is about answers here, not about limits.
PLENTY = Limits(1_000_000, 1_000_000, 1_000_000)


@dataclass(frozen=True)
class Suite:
    """Where its tests are, those of them that concern the stand-in, and how they are run and counted."""

    folder: str
    chosen: Sequence[str]
    run: Callable[[Path, Sequence[str], Mapping[str, str]], Iterator[tuple[str, str]]]


def go_tests(folder: Path, chosen: Sequence[str], environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each test with its outcome: pass, fail or skip."""
    only = ["-run", f"^({'|'.join(chosen)})$"] if chosen else []
    command = ["go", "test", "-json", "-count=1", "-timeout", "300s", *only, "."]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("Test") and event.get("Action") in ("pass", "fail", "skip"):
            yield event["Test"], event["Action"]


# The client's address is an argument of its own: its default is set to the stand-in's before the tests begin.
AT_STANDIN = """
import os, sys, pytest, honeycomb.client
begin = honeycomb.client.HoneycombClient.__init__
begin.__kwdefaults__ = {**begin.__kwdefaults__, "base_url": os.environ["HONEYCOMB_API_ENDPOINT"]}
sys.exit(pytest.main(sys.argv[1:]))
"""


def python_tests(
    folder: Path, chosen: Sequence[str], environ: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Under pytest, in an environment with what the client needs and its own source."""
    only = ["-k", " or ".join(chosen)] if chosen else []
    options = ["-rA", "-q", "--tb=no", "-p", "no:cacheprovider", "-o", "addopts="]
    command = [HONEYCOMB_API.path("bin", "python"), "-c", AT_STANDIN, *options, *only, "test_doc_examples.py"]
    environ = {**environ, "PYTHONPATH": str(folder.parents[1] / "src"), "HONEYCOMB_TEST_DATASET": DATASET}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    outcomes = {"PASSED": "pass", "FAILED": "fail", "ERROR": "fail", "SKIPPED": "skip"}
    for line in done.stdout.splitlines():
        word, _, name = line.partition(" ")
        if word in outcomes and name.strip():
            yield name.strip(), outcomes[word]


SUITES = {
    "honeycomb-api-python": Suite(
        "tests/integration", ("TestColumn", "TestDataset", "TestEvent", "TestQuery"), python_tests
    ),
    "terraform-provider-honeycombio": Suite(
        "client",
        (
            *("TestAuthMetadata", "TestColumns", "TestDatasets", "TestQueries", "TestQueryResults"),
            *("TestClient_.*", "TestClassicClient.*"),
        ),
        go_tests,
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.suites", description=__doc__)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--all", action="store_true", help="also what the stand-in does not have")
    arguments = parser.parse_args()
    suite = SUITES[arguments.suite]
    with serving(threads=8) as serve:
        store = Store(":memory:", SCHEMA)
        url = serve(create_app(store, limits=PLENTY))
        outcomes = list(
            suite.run(arguments.checkout / suite.folder, () if arguments.all else suite.chosen, at(url))
        )
        store.close()
    for name, outcome in outcomes:
        if outcome != "pass":
            print(f"{outcome}  {name}")  # noqa: T201
    counts = Counter(outcome for _, outcome in outcomes)
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "no tests")  # noqa: T201
    return 0 if outcomes and not counts["fail"] else 1


def at(url: str) -> dict[str, str]:
    """What such clients read from their environment, with a dataset that is there."""
    headers = {"X-Honeycomb-Team": LOCAL_CONFIGURATION_KEY}
    requests.post(f"{url}/1/datasets", json={"name": DATASET}, headers=headers, timeout=10).raise_for_status()
    return os.environ | {
        "HONEYCOMB_API_ENDPOINT": url,
        "HONEYCOMB_API_KEY": LOCAL_CONFIGURATION_KEY,
        "HONEYCOMB_DATASET": DATASET,
    }


if __name__ == "__main__":
    sys.exit(main())
