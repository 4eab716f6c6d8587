"""Both tiers on this machine: agents, gateways, and the registry in which the agents find the gateways."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask, Response, json, request

from tests.collector_process import CollectorProcess, settings_at
from tests.component.deploy.certificates import NAME, certificates
from tests.conftest import Serve, serving
from tests.wider_collector import AGENT
from threemaps.demo.resolved import CONFIG
from threemaps.settings import PROJECT, Settings
from threemaps.standins import aws
from threemaps.standins.honeycomb import app as honeycomb
from threemaps.standins.store import Store

GATEWAY = (CONFIG, PROJECT / "deploy" / "gateway.yaml")
THREADS = 8
STATIC = "{{static: {{hostnames: [{}]}}}}"
BY_NAME = '{{dns: {{hostname: {}, port: "{}", interval: 500ms}}}}'
CLOUD_MAP = "{aws_cloud_map: {namespace: threemaps, service_name: gateway, interval: 500ms}}"


@dataclass
class Registry:
    """AWS Cloud Map's DiscoverInstances, as ECS keeps it: the gateways that agents may send to."""

    ports: list[int] = field(default_factory=list)
    asked: int = 0

    def app(self) -> Flask:
        app = Flask("registry")
        app.add_url_rule("/", view_func=self._discover, methods=["POST"])
        return app

    def _discover(self) -> Response:
        assert request.headers["X-Amz-Target"] == "Route53AutoNaming_v20170314.DiscoverInstances"
        found = [
            {
                "InstanceId": f"gateway-{port}",
                "NamespaceName": "threemaps",
                "ServiceName": "gateway",
                "HealthStatus": "HEALTHY",
                "Attributes": {"AWS_INSTANCE_IPV4": "127.0.0.1", "AWS_INSTANCE_PORT": str(port)},
            }
            for port in self.ports
        ]
        self.asked += 1
        return Response(json.dumps({"Instances": found}), mimetype="application/x-amz-json-1.1")


@dataclass
class Tiers:
    """`agent()` and `gateway()` make one more process each; nothing is started by itself."""

    folder: Path
    vendors: dict[str, str]
    registry: Registry
    registry_url: str
    processes: list[CollectorProcess] = field(default_factory=list)
    agents: list[CollectorProcess] = field(default_factory=list)
    gateways: list[CollectorProcess] = field(default_factory=list)
    trust: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.trust = certificates(self.folder / "trust")

    @property
    def settings(self) -> Settings:
        """To read the maps with."""
        return self.gateways[-1].settings

    @property
    def token(self) -> str:
        return self.trust["gateway_token"]

    def route(self, gateways: list[CollectorProcess]) -> None:
        """From now on the agents are told of these."""
        self.registry.ports = [one.settings.ports["otlp_grpc"] for one in gateways]

    def start(self, agents: int, gateways: int) -> None:
        with ThreadPoolExecutor() as pool:
            made = [self.gateway() for _ in range(gateways)]
            self.gateways = list(pool.map(CollectorProcess.start, made))
            self.route(self.gateways)
            self.agents = list(pool.map(CollectorProcess.start, [self.agent() for _ in range(agents)]))

    def gateway(self, otlp_grpc: str = "") -> CollectorProcess:
        moved = {"otlp_grpc": otlp_grpc} if otlp_grpc else {}
        return self._process(GATEWAY, {**self.trust, **moved})

    def agent(self, token: str = "", gateways: str = CLOUD_MAP) -> CollectorProcess:
        values = {**self.trust, "gateways": gateways, "gateway_name": NAME}
        values["gateway_token"] = token or self.token
        # The SDK puts `data-` before the host of this call, so that it has to be a name: a proxy answers.
        found_at = {
            "AWS_ENDPOINT_URL_SERVICEDISCOVERY": "http://cloudmap.test",
            "HTTP_PROXY": self.registry_url,
        }
        return self._process((AGENT,), values, found_at)

    def _process(
        self, configs: tuple[Path, ...], values: dict[str, str], environment: dict[str, str] | None = None
    ) -> CollectorProcess:
        settings = settings_at(self.folder / str(len(self.processes)), **self.vendors)
        values["loopback_gateways"] = f"127.0.0.1:{settings.ports['loopback_xray']}"
        made = CollectorProcess(settings, configs, values, environment)
        self.processes.append(made)
        return made


@contextlib.contextmanager
def tiers_in(folder: Path, vendors: dict[str, str] | None = None) -> Iterator[Tiers]:
    with contextlib.ExitStack() as stack:
        serve: Serve = stack.enter_context(serving(THREADS))
        registry = Registry()
        vendors = vendors or stack.enter_context(standins(serve))
        tiers = Tiers(folder, vendors, registry, serve(registry.app()))
        stack.callback(lambda: [process.stop() for process in tiers.processes])
        yield tiers


@contextlib.contextmanager
def standins(serve: Serve) -> Iterator[dict[str, str]]:
    """Where the vendors answer."""
    with contextlib.ExitStack() as stack:
        urls = {}
        for name, vendor in (("honeycomb", honeycomb), ("aws", aws)):
            store = Store(":memory:", vendor.SCHEMA)
            stack.callback(store.close)
            urls[name] = serve(vendor.create_app(store))
        yield urls
