"""The calculation in docs/scaling.md: its arithmetic, its constants, and that the page shows its output."""

import math
import re
import shlex
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bench import scale
from bench.scale import Costs, Deployment, Load
from threemaps.settings import PROJECT

COSTS, HOW = Costs(), Deployment()
loads = st.builds(
    Load,
    services=st.integers(1, 10_000),
    requests=st.floats(1, 1e7),
    spans=st.floats(1, 100),
    calls=st.floats(1, 50),
    kept=st.floats(1e-5, 1),
    hours=st.floats(0, 48),
)


@given(loads)
def test_twice_the_requests_need_at_most_twice_as_much(load: Load) -> None:
    """Fewer than twice as many requests of SDKs, where these become fuller."""
    once, twice = (scale.need(one, COSTS, HOW) for one in (load, replace(load, requests=2 * load.requests)))
    for name in ("agent_cores", "gateway_cores", "gateways", "pods", "nodes", "exports"):
        assert getattr(once, name) <= getattr(twice, name) * (1 + 1e-9), name
        assert getattr(twice, name) <= 2 * getattr(once, name) * (1 + 1e-9), name
    assert twice.outside == pytest.approx(2 * once.outside)


@given(loads)
def test_gateways_are_enough_and_not_one_too_many(load: Load) -> None:
    needed = scale.need(load, COSTS, HOW)
    assert needed.gateways * HOW.gateway_share >= needed.gateway_cores * (1 - 1e-9)
    assert (needed.gateways - 1) * HOW.gateway_share < needed.gateway_cores or needed.gateways == 1


@given(loads)
def test_disks_hold_what_comes_in_during_the_outage(load: Load) -> None:
    needed = scale.need(load, COSTS, HOW)
    a_second = load.spans_a_second * load.kept * COSTS.queued
    assert needed.queue == pytest.approx(a_second * 3600 * load.hours * COSTS.paths * COSTS.on_disk)
    assert needed.lasts * a_second / needed.gateways == pytest.approx(scale.QUEUE)


@given(loads)
def test_the_first_limit_is_one_that_the_load_is_beyond(load: Load) -> None:
    found, spans = scale.first_limit(load, COSTS, HOW), load.spans_a_second * load.kept
    assert found.startswith("X-Ray") is (spans > scale.SEGMENTS)
    if found == "maxReplicas":
        assert scale.need(load, COSTS, HOW).gateways > HOW.most_gateways


@given(loads)
def test_fewer_traces_cost_less_and_log_records_stay(load: Load) -> None:
    whole, part = scale.usage(replace(load, kept=1.0), COSTS), scale.usage(load, COSTS)
    assert part.events == part.spans == pytest.approx(whole.events * load.kept, abs=1)
    assert part.requests == pytest.approx(whole.requests * load.kept, abs=1)
    assert part.log_bytes == whole.log_bytes


def test_sampling_error_is_that_of_a_poisson_count() -> None:
    load = Load(services=1, requests=1, calls=1, edges=1, kept=1 / 9)  # 100 kept calls in 15 minutes
    assert scale.need(load, COSTS, HOW).error == pytest.approx(0.196)
    assert scale.need(replace(load, kept=1e-300), COSTS, HOW).error > 1e9


def test_constants_are_those_of_the_configuration() -> None:
    config = yaml.safe_load((PROJECT / "collector" / "parts" / "keep-refused.yaml").read_text())
    assert config["exporters"]["otlp_grpc/honeycomb"]["sending_queue"]["queue_size"] == scale.QUEUE


def test_the_deployment_is_the_one_in_deploy_kubernetes() -> None:
    folder = PROJECT / "deploy" / "kubernetes"
    documents = [
        one
        for name in ("base/gateway", "demo/scaling")
        for one in yaml.safe_load_all((folder / f"{name}.yaml").read_text())
    ]
    scalers = {
        one["metadata"]["name"]: one["spec"] for one in documents if one["kind"] == "HorizontalPodAutoscaler"
    }
    gateway, service = scalers["gateway"], scalers["users"]
    assert gateway["maxReplicas"] == HOW.most_gateways
    assert gateway["metrics"][0]["resource"]["target"]["averageUtilization"] == round(HOW.gateway_share * 100)
    assert service["minReplicas"] == HOW.least_pods
    base = yaml.safe_load((folder / "base" / "kustomization.yaml").read_text())
    assert len({"agent", "spare"} & set(base["resources"])) == HOW.agents
    delays = re.findall(r"_SCHEDULE_DELAY=(\d+)", (folder / "demo" / "services.env").read_text())
    assert {int(one) / 1000 for one in delays} == {HOW.delay}
    assert service["metrics"][0]["resource"]["target"]["averageUtilization"] == round(HOW.pod_share * 100)
    (workload,) = [one for one in documents if one["kind"] == "StatefulSet"]
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["cpu"] == "1"  # what the autoscaler's share is a share of


def test_the_page_shows_what_the_calculation_says(capsys: pytest.CaptureFixture[str]) -> None:
    page = (PROJECT / "docs" / "scaling.md").read_text()
    shown = re.findall(r"```console\n\$ python -m bench\.scale(.*)\n((?:.*\n)*?)```", page)
    assert len(shown) >= 2
    for arguments, output in shown:
        scale.main(shlex.split(arguments))
        assert capsys.readouterr().out == output


@pytest.mark.parametrize("wrong", [["--kept", "0", "3:10"], ["3:0"], ["0:10"], ["3"], ["3:nan"]])
def test_a_bad_argument_is_named(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        scale.main(wrong)
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err
    assert math.isfinite(scale.need(Load(1, 1), COSTS, HOW).lasts)
