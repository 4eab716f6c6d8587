"""deploy/ecs as AWS would get it: with account, region, image and service filled in, as envsubst does."""

import json
import re
from typing import Any

from threemaps.settings import PROJECT, SERVICES

FOLDER = PROJECT / "deploy" / "ecs"
FILLED_IN = {
    "ACCOUNT": "111122223333",
    "REGION": "eu-central-1",
    "IMAGE": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/threemaps:0.2.0",
}
# Of 0.152.0, for every machine that it is made for.
COLLECTOR_DIGEST = "sha256:f41d7995565df3733b7568702073a9c490792f9c6ac60684fe6a4da21a313f8d"
TASKS = (*SERVICES, "gateway")
COLLECTORS = {"gateway": "collector"} | dict.fromkeys(SERVICES, "agent")


def filled(name: str, service: str = "") -> Any:
    values = {**FILLED_IN, "SERVICE": service}
    return json.loads(re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], (FOLDER / name).read_text()))


def task(name: str) -> Any:
    return filled("gateway.json") if name == "gateway" else filled("service.json", name)


def containers(name: str) -> dict[str, Any]:
    return {one["name"]: one for one in task(name)["containerDefinitions"]}


def environment(container: Any) -> dict[str, str]:
    given = container.get("environment", ())
    named = {one["name"]: one["value"] for one in given}
    assert len(named) == len(given), "a variable is given twice"
    return named
