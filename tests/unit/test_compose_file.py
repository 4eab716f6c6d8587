"""docker-compose.yml says the same as the code, and opens nothing that it should not. No engine needed."""

import re
from typing import Any

import pytest
import yaml

from threemaps.basics.variables import XRAY_INGESTS
from threemaps.demo.resolved import collector_environment, config_files
from threemaps.settings import PORTS, PROJECT, SERVICES, Settings
from threemaps.tracing.environment import OTEL, service_environment

TEXT = (PROJECT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
VARIABLE = re.compile(r"\$\{([A-Z_]+)")
EXAMPLE = (PROJECT / ".env.example").read_text()
# Said by whoever starts a process, never by a user.
OURS = re.compile(
    r"THREEMAPS_(URL_\w+|BIND|ENV_FILE|LISTEN|RUN|QUEUE|RESOLVED|PROBE|STARTED_\w+"
    r"|OTLP_\w+|XRAY|HEALTH|HOP|HOP_XRAY|METRICS_\w+)"
)
# AWS's own: read by its SDKs, and passed on by their first letters.
OF_THE_SDKS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"}


def environment_of(container: str) -> dict[str, str]:
    """As Compose passes it on: `$$` is a dollar."""
    given = CONTAINERS[container]["environment"]
    return {name: str(value).replace("$$", "$") for name, value in given.items()}


def documented(text: str) -> set[str]:
    return set(re.findall(r"^#([A-Z][A-Z_]+)=", text, re.MULTILINE))


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_traced_as_without_docker(service: str) -> None:
    inside = Settings.load({**environment_of("web"), "THREEMAPS_ENV_FILE": "/dev/null"})
    assert environment_of(service) == service_environment(inside, service, OTEL)


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_started_as_without_docker(service: str) -> None:
    start = ["opentelemetry-instrument", "gunicorn", "-c", "services/gunicorn.conf.py"]
    assert CONTAINERS[service]["command"] == [*start, f"services.{service}:create_app()"]


@pytest.mark.parametrize("name", ["GOMAXPROCS", "GOGC", "GOMEMLIMIT"])
def test_the_collector_has_as_much_of_the_machine_as_without_docker(name: str) -> None:
    inside = Settings.load({"THREEMAPS_ENV_FILE": "/dev/null"})
    given = collector_environment(inside)[name]
    assert environment_of("collector")[name] == f"${{{name}:-{given}}}"


@pytest.mark.parametrize("ingest", XRAY_INGESTS)
def test_the_collector_loads_the_launchers_files(ingest: str) -> None:
    log, *words = CONTAINERS["collector"]["command"]
    assert log == "--config=yaml:service::telemetry::logs::output_paths: [stderr, /logs/collector.log]"
    given = [word.replace("${THREEMAPS_XRAY_INGEST:-otlp}", ingest) for word in words]
    folder = PROJECT / "collector"
    expected = [f"--config=/etc/collector/{path.relative_to(folder)}" for path in config_files(ingest)]
    assert given == expected


def test_every_image_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    images = {container["image"] for container in CONTAINERS.values()}
    assert bases
    for image in [*bases, *images]:
        name, _, tag = image.partition(":")
        assert name, image
        assert tag not in {"", "latest"}, image


def test_one_image_is_built_and_only_once() -> None:
    assert [name for name, container in CONTAINERS.items() if "build" in container] == ["init"]
    assert len({container["image"] for container in CONTAINERS.values()}) == 2


def test_no_registry_is_asked_for_what_is_built() -> None:
    asked = {name: one.get("pull_policy") for name, one in CONTAINERS.items() if name != "collector"}
    assert asked.pop("init") == "build"
    assert set(asked.values()) == {"never"}


def test_every_port_is_published_on_this_machine_only() -> None:
    published = [port for container in CONTAINERS.values() for port in container.get("ports", ())]
    assert published
    assert [port for port in published if not str(port).startswith("127.0.0.1:")] == []


def test_every_published_port_is_the_one_of_the_settings() -> None:
    moved = re.findall(r"\$\{THREEMAPS_PORT_([A-Z_]+):-(\d+)\}:(\d+)", TEXT)
    assert moved
    assert [
        (name, out, inside) for name, out, inside in moved if not out == inside == str(PORTS[name.lower()])
    ] == []


def test_any_service_can_be_scaled() -> None:
    assert [name for name, container in CONTAINERS.items() if "container_name" in container] == []
    assert [name for name in SERVICES if "ports" in CONTAINERS[name]] == ["frontend_api"]


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_is_locked_down_and_limited(container: str) -> None:
    told = CONTAINERS[container]
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert told["mem_limit"]
    assert told["pids_limit"]
    assert "user" not in told  # the images' own: 10001
    assert "privileged" not in told


def test_only_the_init_container_is_given_keys() -> None:
    keys = {name for name in VARIABLE.findall(TEXT) if name.startswith(("AWS_", "HONEYCOMB_"))}
    assert keys
    for name, container in CONTAINERS.items():
        assert name == "init" or keys.isdisjoint(VARIABLE.findall(str(container.get("environment")))), name


def test_the_dockerfile_needs_no_buildkit() -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text()
    assert "--mount" not in dockerfile
    assert "# syntax" not in dockerfile


def test_the_state_folder_of_the_image_is_roots_and_what_is_in_it_our_users() -> None:
    """Root, in ECS's first container, refuses a state folder of somebody else's; our user takes root's."""
    dockerfile = (PROJECT / "Dockerfile").read_text()
    assert "chown 10001:10001 /state/*" in dockerfile
    assert "chown -R" not in dockerfile


def test_env_example_tells_what_compose_reads() -> None:
    both, _, rest = EXAMPLE.partition("--- only without Docker ---")
    assert documented(both) == set(VARIABLE.findall(TEXT))
    assert documented(both).isdisjoint(documented(rest))


def test_env_example_leaves_nothing_out() -> None:
    sources = "".join(path.read_text() for path in (PROJECT / "threemaps").rglob("*.py"))
    read = set(re.findall(r'"(THREEMAPS_[A-Z_]+)"', sources))
    assert {name for name in read - documented(EXAMPLE) if not OURS.fullmatch(name)} == set()


def test_env_example_names_only_what_is_read() -> None:
    sources = "".join(path.read_text() for path in (PROJECT / "threemaps").rglob("*.py"))
    ports = {f"THREEMAPS_PORT_{name.upper()}" for name in PORTS}
    named = documented(EXAMPLE)
    assert named >= ports
    assert {name for name in named - ports - OF_THE_SDKS if f'"{name}"' not in sources} == set()
    assert re.findall(r"^[^#\n].*", EXAMPLE, re.MULTILINE) == []
