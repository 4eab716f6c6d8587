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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from werkzeug.wrappers import Response

from tests.conftest import Serve, serving
from tests.foreign import HONEYCOMB_API, MOTO
from threemaps.settings import LOCAL_CONFIGURATION_KEY
from threemaps.standins import aws, sigv4
from threemaps.standins.honeycomb.limits import Limits
from threemaps.standins.honeycomb.urls import SCHEMA, create_app
from threemaps.standins.store import Store

DATASET = "foreign"
# A suite asks more in a minute than a person does; it is about answers here, not about limits.
PLENTY = Limits(1_000_000, 1_000_000, 1_000_000)


@dataclass(frozen=True)
class Suite:
    """Where its tests are, those of them that concern the stand-in, how they are run, and against what.

    `served` gives the variables that lead the tests to a stand-in of their own.
    """

    folder: str
    chosen: Sequence[str]
    served: Callable[[Serve], Mapping[str, str]]
    run: Callable[[Path, Sequence[str], Mapping[str, str]], Iterator[tuple[str, str]]]


def honeycomb(serve: Serve) -> dict[str, str]:
    """What its clients read from their environment, with a dataset that is there."""
    url = serve(create_app(Store(":memory:", SCHEMA), limits=PLENTY))
    headers = {"X-Honeycomb-Team": LOCAL_CONFIGURATION_KEY}
    requests.post(f"{url}/1/datasets", json={"name": DATASET}, headers=headers, timeout=10).raise_for_status()
    return {
        "HONEYCOMB_API_ENDPOINT": url,
        "HONEYCOMB_API_KEY": LOCAL_CONFIGURATION_KEY,
        "HONEYCOMB_DATASET": DATASET,
    }


def local_aws(serve: Serve) -> dict[str, str]:
    """Moto's tests have keys and regions of their own, so signatures are not looked at; before each test they
    empty the server by an address of moto's."""
    sigv4.verify = lambda *request, **wanted: None
    app: list[aws.Aws] = []

    def answer(environ: Any, start: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/moto-api/reset":
            app[:] = [aws.Aws(Store(":memory:", aws.SCHEMA), {})]
            return Response("{}")(environ, start)
        return app[0](environ, start)

    url = serve(answer)
    return {
        "TEST_SERVER_MODE": "true",
        "TEST_SERVER_MODE_ENDPOINT": url,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


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
    command = [HONEYCOMB_API.path("bin", "python"), "-c", AT_STANDIN, *PYTEST, *only, "test_doc_examples.py"]
    environ = {**environ, "PYTHONPATH": str(folder.parents[1] / "src"), "HONEYCOMB_TEST_DATASET": DATASET}
    return pytest_outcomes(command, folder, environ)


def moto_tests(folder: Path, chosen: Sequence[str], environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """As moto runs them against its own server; without what is only in moto, or needs another service."""
    files = [f"tests/{name}" for name in MOTO_FILES]
    only = ["-k", " and ".join(f"not {word}" for word in chosen)] if chosen else []
    command = [MOTO.path("bin", "python"), "-m", "pytest", *PYTEST, *only, *files]
    return pytest_outcomes(command, folder, environ)


def pytest_outcomes(
    command: Sequence[object], folder: Path, environ: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    done = subprocess.run([*map(str, command)], cwd=folder, env=environ, capture_output=True, text=True)
    outcomes = {"PASSED": "pass", "FAILED": "fail", "ERROR": "fail", "SKIPPED": "skip"}
    for line in done.stdout.splitlines():
        word, _, name = line.partition(" ")
        if word in outcomes and name.startswith(("test", "[")):
            yield name, outcomes[word]


PYTEST = ("-rA", "-q", "--tb=no", "--show-capture=no", "-p", "no:cacheprovider", "-o", "addopts=")
MOTO_FILES = (
    "test_xray/test_xray.py",
    "test_logs/test_logs.py",
    "test_logs/test_logs_filter_log_events.py",
    "test_logs/test_logs_query/test_boto3.py",
    "test_cloudwatch/test_cloudwatch.py",
    "test_cloudwatch/test_cloudwatch_dashboards.py",
)
# Operations that the local AWS does not have, and a time that stands still, which no signature of now fits.
NOT_HERE = (
    *("delivery", "deliveries", "destination", "live_tail", "subscription", "alarm", "s3_metrics"),
    *("tags_log_group", "tag_log_group", "untag_log_group", "custom_timestamp"),
)


SUITES = {
    "honeycomb-api-python": Suite(
        "tests/integration", ("TestColumn", "TestDataset", "TestEvent", "TestQuery"), honeycomb, python_tests
    ),
    "moto": Suite(".", NOT_HERE, local_aws, moto_tests),
    "terraform-provider-honeycombio": Suite(
        "client",
        (
            *("TestAuthMetadata", "TestColumns", "TestDatasets", "TestQueries", "TestQueryResults"),
            *("TestClient_.*", "TestClassicClient.*"),
        ),
        honeycomb,
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
        environ = os.environ | suite.served(serve)
        chosen = () if arguments.all else suite.chosen
        outcomes = list(suite.run(arguments.checkout / suite.folder, chosen, environ))
    for name, outcome in outcomes:
        if outcome != "pass":
            print(f"{outcome}  {name}")  # noqa: T201
    counts = Counter(outcome for _, outcome in outcomes)
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "no tests")  # noqa: T201
    return 0 if outcomes and not counts["fail"] else 1


if __name__ == "__main__":
    sys.exit(main())
