"""Both tiers on this machine: agents, gateways, and what balances between them."""

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.collector_process import CollectorProcess, settings_at
from tests.component.deploy.balancer import Balancer, balancing
from tests.component.deploy.certificates import NAME, certificates
from tests.conftest import Serve, serving
from threemaps.demo.resolved import config_files
from threemaps.settings import PROJECT, Settings
from threemaps.standins import aws
from threemaps.standins.honeycomb import urls as honeycomb
from threemaps.standins.store import Store

AGENT = PROJECT / "collector" / "agent.yaml"
THREADS = 8


@dataclass
class Tiers:
    """`agent()` and `gateway()` make one more process each; nothing is started by itself."""

    folder: Path
    vendors: dict[str, str]
    balancer: Balancer
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
        """From now on agents find these."""
        self.balancer.addresses = [("127.0.0.1", one.settings.ports["otlp_http"]) for one in gateways]

    def start(self, agents: int, gateways: int) -> None:
        with ThreadPoolExecutor() as pool:
            self.gateways = list(pool.map(CollectorProcess.start, [self.gateway() for _ in range(gateways)]))
            self.route(self.gateways)
            self.agents = list(pool.map(CollectorProcess.start, [self.agent() for _ in range(agents)]))

    def gateway(self) -> CollectorProcess:
        return self._process(config_files("otlp", gateway=True), self.trust, {})

    def agent(self, token: str = "") -> CollectorProcess:
        files = {"gateway_ca.pem": self.trust["gateway_ca.pem"], "gateway_token": token or self.token}
        environment = {
            "THREEMAPS_GATEWAY": f"https://127.0.0.1:{self.balancer.port}",
            "THREEMAPS_GATEWAY_NAME": NAME,
        }
        return self._process((AGENT,), files, environment)

    def _process(
        self, configs: tuple[Path, ...], files: Mapping[str, str], environment: Mapping[str, str]
    ) -> CollectorProcess:
        settings = settings_at(self.folder / str(len(self.processes)), **self.vendors)
        made = CollectorProcess(settings, configs, files, environment)
        self.processes.append(made)
        return made


@contextlib.contextmanager
def tiers_in(folder: Path, vendors: dict[str, str] | None = None) -> Iterator[Tiers]:
    with contextlib.ExitStack() as stack:
        serve: Serve = stack.enter_context(serving(THREADS))
        vendors = vendors or stack.enter_context(standins(serve))
        tiers = Tiers(folder, vendors, stack.enter_context(balancing()))
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
