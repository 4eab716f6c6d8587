"""deploy/kafka fits what it is laid over. Needs no broker; `make test-kafka` runs it with one."""

from typing import Any

import yaml

from threemaps.settings import PROJECT


def test_a_gateway_reads_into_every_pipeline_and_waits_where_a_queue_is_full() -> None:
    base, kept = whole("collector/otel-config.yaml"), whole("collector/parts/keep-refused.yaml")
    overlay = whole("deploy/kafka/gateway.yaml")
    pipelines = overlay["service"]["pipelines"]
    ways_in = {name for name in base["service"]["pipelines"] if name.endswith("/in")}
    assert pipelines == {name: {"receivers": ["kafka"]} for name in ways_in}
    queues = {name for name in kept["exporters"] if name.startswith("otlp_grpc/")} | {"otlp_grpc/xray"}
    assert overlay["exporters"] == {name: {"sending_queue": {"block_on_overflow": True}} for name in queues}


def test_an_agent_repeats_from_its_own_queue_and_loses_no_acknowledgement() -> None:
    base, overlay = whole("collector/agent.yaml"), whole("deploy/kafka/agent.yaml")
    kafka = overlay["exporters"]["kafka"]
    assert kafka["producer"]["required_acks"] == -1
    assert kafka["sending_queue"] == kafka["retry_on_failure"] == {"enabled": False}
    for name, pipeline in overlay["service"]["pipelines"].items():
        assert base["service"]["pipelines"][name]["exporters"] == ["otlp_http/gateway"]
        assert pipeline == {"exporters": ["kafka"]}


def whole(path: str) -> Any:
    return yaml.safe_load((PROJECT / path).read_text())
