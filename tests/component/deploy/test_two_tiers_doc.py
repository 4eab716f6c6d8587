"""What docs/collector.md says of the two tiers is what their configuration says."""

import re

import yaml

from tests.component.deploy.tiers import GATEWAY
from tests.wider_collector import AGENT
from threemaps.demo.resolved import CONFIG
from threemaps.settings import PROJECT

PAGE = (PROJECT / "docs" / "collector.md").read_text()
SECTION = PAGE.partition("\n## Two tiers\n")[2].partition("\n## ")[0]
AGENT_SAYS = yaml.safe_load(AGENT.read_text())
QUEUED = AGENT_SAYS["exporters"]["otlp_grpc/gateways"]
VALUE = re.compile(r"\$\{env:THREEMAPS_RUN\}/(\w+(?:\.pem)?)")


def values(text: str) -> set[str]:
    return set(VALUE.findall(text))


def test_every_value_file_is_named() -> None:
    written = set(re.findall(r"`(\w+(?:\.pem)?)`", SECTION.partition("Value files of an agent")[2]))
    overlay = values(GATEWAY[1].read_text())
    assert values(AGENT.read_text()) <= written
    assert overlay <= written
    assert not overlay & values(CONFIG.read_text())


def test_the_limits_are_those_of_the_file() -> None:
    queue = QUEUED["sending_queue"]
    assert f"{queue['queue_size'] // 2**20} MiB" in SECTION
    assert queue["num_consumers"] == 8
    assert f"eight batches of {queue['batch']['max_size']} spans" in SECTION
    assert f"{QUEUED['timeout'].removesuffix('s')} s at most" in SECTION
    assert QUEUED["retry_on_failure"]["max_elapsed_time"] == 0


def test_only_the_queue_on_disk_acknowledges() -> None:
    balancer = AGENT_SAYS["exporters"]["loadbalancing"]
    inside = (balancer["sending_queue"], balancer["protocol"]["otlp"]["sending_queue"])
    assert QUEUED["sending_queue"]["storage"] == "file_storage"
    assert all(queue["wait_for_result"] and "storage" not in queue for queue in inside)
    assert balancer["sending_queue"]["batch"]["max_size"] == 1
    assert balancer["routing_key"] == "traceID"


def test_a_gateway_is_the_one_configuration_behind_a_lock() -> None:
    one, overlay = (yaml.safe_load(path.read_text()) for path in GATEWAY)
    assert GATEWAY[0] == CONFIG
    assert overlay.keys() == {"receivers", "extensions", "service"}
    assert overlay["service"] == {"extensions": [*one["service"]["extensions"], "bearertokenauth"]}
    doors = overlay["receivers"].pop("otlp")["protocols"]
    assert not overlay["receivers"]
    assert doors.keys() == one["receivers"]["otlp"]["protocols"].keys()
    assert all(door.keys() == {"tls", "auth"} for door in doors.values())
