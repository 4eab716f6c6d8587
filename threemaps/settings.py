"""Every variable and port of threemaps, in one place.

Values come from the environment, then from `.env` in the checkout or, without one, in the current folder
(THREEMAPS_ENV_FILE names another), then from the defaults here. An empty variable counts as not set.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from threemaps.basics.variables import (
    checked_values,
    parse_backends,
    parse_folder,
    parse_port,
    parse_seconds,
    parse_xray_ingest,
    read_dotenv,
    require_trusted,
)

_PACKAGE = Path(__file__).resolve().parent
# The checkout; in an installed package the copy of it that the wheel brings along (setup.py).
IS_CHECKOUT = (_PACKAGE.parent / "collector" / "otel-config.yaml").exists()
PROJECT = _PACKAGE.parent if IS_CHECKOUT else _PACKAGE / "project"
# Where users keep their `.env`.
USERS_FOLDER = PROJECT if IS_CHECKOUT else Path.cwd()

# The stand-ins' keys are public and the same everywhere.
LOCAL_INGEST_KEY = "local-ingest-key"
LOCAL_CONFIGURATION_KEY = "local-configuration-key"
LOCAL_MANAGEMENT_KEY = "local-management-id:local-management-secret"
LOCAL_AWS_ACCESS_KEY_ID = "local"
LOCAL_AWS_SECRET_ACCESS_KEY = "local-secret"  # noqa: S105
LOCAL_AWS_REGION = "us-east-1"
LOCAL_ROLLBAR_TOKEN = "local-token"  # noqa: S105

HONEYCOMB_ENDPOINT = "https://api.honeycomb.io"
HONEYCOMB_EUROPE = "https://api.eu1.honeycomb.io"
# What threemaps calls itself where it reads.
USER_AGENT = "threemaps"
ROLLBAR_ENDPOINT = "https://api.rollbar.com"

SERVICES = ("frontend_api", "activities", "users")

# Names that the collector writes to and the readers read from.
SERVICE_LOG_GROUP = "/threemaps/services"

# Variable → default port. Each can be moved by its variable, THREEMAPS_PORT_<NAME>.
PORTS = {
    "frontend_api": 8000,
    "activities": 8001,
    "users": 8002,
    "web": 8080,
    "honeycomb": 8081,
    "aws": 8082,
    "rollbar": 8083,
    "otlp_grpc": 4317,
    "otlp_http": 4318,
    "xray": 2000,  # UDP: segments of X-Ray SDKs; TCP: their sampling rules
    "health": 13133,
    # The collector's own receivers, for itself and for `doctor`.
    "collector_metrics": 8888,
    "hop": 14317,
    "hop_xray": 14318,
}
PORTS_FILE = "ports.json"  # beside the pids, while something runs

# Longer than an SDK holds spans back (5 s by default), so that a map that is agreed on is also complete.
DEFAULT_QUIET_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for. `honeycomb_is_real` and `aws_is_real` say what goes to a paid backend."""

    state: Path  # THREEMAPS_STATE: queues, stand-in data, logs and pids
    bind: str  # THREEMAPS_BIND: 127.0.0.1, but 0.0.0.0 inside a container
    ports: Mapping[str, int]  # THREEMAPS_PORT_*
    honeycomb_is_real: bool  # THREEMAPS_BACKENDS names honeycomb or cloud
    aws_is_real: bool  # THREEMAPS_BACKENDS names aws or cloud
    xray_ingest: str  # THREEMAPS_XRAY_INGEST: otlp, or segments for accounts without Transaction Search
    quiet: float  # THREEMAPS_QUIET_SECONDS: a map that has not changed for so long is complete
    environ: Mapping[str, str]  # the environment over `.env`, without empty values

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, *, project: Path = USERS_FOLDER) -> "Settings":
        given = os.environ if environ is None else environ
        dotenv = Path(given.get("THREEMAPS_ENV_FILE") or project / ".env")
        require_trusted(dotenv, hint="remove it, or name yours: THREEMAPS_ENV_FILE=~/.env")
        merged = {**read_dotenv(dotenv), **{name: value for name, value in given.items() if value}}
        backends = parse_backends(merged.get("THREEMAPS_BACKENDS", "local"))
        state = parse_folder(merged.get("THREEMAPS_STATE") or str(default_state(project)))
        require_trusted(state, hint="name a folder of yours: THREEMAPS_STATE=~/.local/state/threemaps")
        usual = {**PORTS, **ports_in_use(state)}
        return cls(
            state=state,
            bind=merged.get("THREEMAPS_BIND", "127.0.0.1"),
            ports={name: parse_port(merged, name, default) for name, default in usual.items()},
            honeycomb_is_real="honeycomb" in backends,
            aws_is_real="aws" in backends,
            xray_ingest=parse_xray_ingest(merged.get("THREEMAPS_XRAY_INGEST", "otlp")),
            quiet=parse_seconds(merged, "THREEMAPS_QUIET_SECONDS", DEFAULT_QUIET_SECONDS),
            environ=checked_values(merged, backends),
        )

    def get(self, variable: str, default: str = "") -> str:
        return self.environ.get(variable, default)

    def url(self, name: str) -> str:
        """Where a process of ours answers; inside containers THREEMAPS_URL_<NAME> says where."""
        return self.get(f"THREEMAPS_URL_{name.upper()}", f"http://127.0.0.1:{self.ports[name]}").rstrip("/")

    @property
    def run(self) -> Path:
        """Pids, and the resolved settings that the collector reads: one file a value."""
        return self.state / "run"

    @property
    def data(self) -> Path:
        return self.state / "data"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def flags_file(self) -> Path:
        """Which service misbehaves how. Services may see this folder, and no more of our state."""
        return self.state / "faults" / "flags.json"

    @property
    def queue(self) -> Path:
        """Each choice of backends has its own queue folder, so that local spans never go to a paid one."""
        real = {"aws": self.aws_is_real, "honeycomb": self.honeycomb_is_real}
        named = "-".join(name for name, is_real in real.items() if is_real)
        return self.state / "queue" / named

    @property
    def aws_region(self) -> str:
        if not self.aws_is_real:
            return LOCAL_AWS_REGION
        return self.get("AWS_REGION") or self.get("AWS_DEFAULT_REGION") or LOCAL_AWS_REGION

    @property
    def standins(self) -> tuple[str, ...]:
        """The vendors that are played locally."""
        names = {
            "honeycomb": not self.honeycomb_is_real,
            "aws": not self.aws_is_real,
            "rollbar": self.rollbar_is_local,
        }
        return tuple(name for name, is_local in names.items() if is_local)

    @property
    def rollbar_is_local(self) -> bool:
        """Rollbar is real as soon as something else is and its token is given."""
        anything_is_real = self.honeycomb_is_real or self.aws_is_real
        return not (anything_is_real and self.get("ROLLBAR_ACCESS_TOKEN"))

    @property
    def rollbar_api(self) -> str:
        if self.rollbar_is_local:
            return self.url("rollbar")
        return self.get("ROLLBAR_API_ENDPOINT", ROLLBAR_ENDPOINT).rstrip("/")

    @property
    def honeycomb_api(self) -> str:
        """Where Honeycomb answers: the real one with THREEMAPS_BACKENDS=cloud, else the stand-in."""
        if not self.honeycomb_is_real:
            return self.url("honeycomb")
        return self.get("HONEYCOMB_API_ENDPOINT", HONEYCOMB_ENDPOINT).rstrip("/")

    @property
    def honeycomb_mcp(self) -> str:
        """Where Honeycomb's MCP server answers, in the region of the API."""
        if not self.honeycomb_is_real:
            return f"{self.url('honeycomb')}/mcp"
        given = self.get("HONEYCOMB_MCP_ENDPOINT").rstrip("/")
        return given or f"{self.honeycomb_api.replace('://api.', '://mcp.')}/mcp"

    @property
    def honeycomb_ui(self) -> str:
        """Where Honeycomb shows its pages, in the region of the API."""
        return "https://ui.eu1.honeycomb.io" if ".eu1." in self.honeycomb_api else "https://ui.honeycomb.io"

    @property
    def aws_endpoint(self) -> str | None:
        """The stand-in, or None: boto3's and the collector's own addresses."""
        if not self.aws_is_real:
            return self.url("aws")
        return self.get("AWS_ENDPOINT_URL") or None

    def aws_endpoint_of(self, variable: str) -> str | None:
        """The same for one service, by AWS's own variable for it, such as AWS_ENDPOINT_URL_XRAY."""
        return (self.get(variable) if self.aws_is_real else "") or self.aws_endpoint


def ports_in_use(state: Path) -> dict[str, int]:
    """Those of what runs from this folder: a second terminal finds it without the first one's variables."""
    try:
        found = json.loads((state / "run" / PORTS_FILE).read_text())
    except (OSError, ValueError):
        return {}
    kept = found.items() if isinstance(found, dict) else ()
    return {name: port for name, port in kept if name in PORTS and type(port) is int and 0 < port < 65536}


def default_state(project: Path) -> Path:
    """Beside the checkout where there is one, else where the user's programs keep their state."""
    if IS_CHECKOUT and (project / "docker-compose.yml").exists():
        return project / ".threemaps"
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "threemaps"
