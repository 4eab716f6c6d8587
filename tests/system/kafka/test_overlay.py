"""deploy/kafka fits what it is laid over. Needs no broker; `make test-kafka` runs it with one."""

from typing import Any

import yaml

from threemaps.settings import PROJECT


def test_a_gateway_keeps_every_leg_and_reads_each_for_itself() -> None:
    base, overlay = whole("collector/otel-config.yaml"), whole("deploy/kafka/gateway.yaml")
    assert overlay["exporters"].keys() == durable(base)
    assert all(one["sending_queue"] == {"block_on_overflow": True} for one in overlay["exporters"].values())
    groups = [one["group_id"] for one in overlay["receivers"].values()]
    assert len(set(groups)) == len(groups) == len(durable(base))
    pipelines = overlay["service"]["pipelines"]
    ways_in = [pipelines[name] for name in ("traces/in_xray", "traces/in_map")]
    before = base["service"]["pipelines"]["traces/in"]
    assert all(one["processors"] == before["processors"] for one in ways_in)
    legs = [exporter for one in (pipelines["traces/in"], *ways_in) for exporter in one["exporters"]]
    assert legs == before["exporters"]
    assert [name for one in pipelines.values() for name in one["receivers"]] == list(overlay["receivers"])


def test_an_agent_repeats_from_its_own_queue_and_loses_no_acknowledgement() -> None:
    base, overlay = whole("collector/agent.yaml"), whole("deploy/kafka/agent.yaml")
    kafka = overlay["exporters"]["kafka"]
    assert kafka["producer"]["required_acks"] == -1
    assert kafka["partition_traces_by_id"] is True
    assert kafka["sending_queue"] == kafka["retry_on_failure"] == {"enabled": False}
    for name, pipeline in overlay["service"]["pipelines"].items():
        assert base["service"]["pipelines"][name]["receivers"] == pipeline["receivers"]
        assert pipeline["exporters"] == ["kafka"]


def durable(config: Any) -> set[str]:
    exporters = config["exporters"].items()
    return {name for name, one in exporters if one.get("sending_queue", {}).get("storage")}


def whole(path: str) -> Any:
    return yaml.safe_load((PROJECT / path).read_text())
