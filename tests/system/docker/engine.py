"""The Docker engine: the one that runs, else Debian's, started here and stopped again."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.system.docker.tools import Missing, cache, do, output, say, succeeds
from threemaps.demo.health import wait_until
from threemaps.demo.lock import exclusive

START_SECONDS = 60
STOP_SECONDS = 40


@contextmanager
def engine() -> Iterator[tuple[bool, dict[str, str]]]:
    """Whether it was started here, and the environment in which `docker` finds it."""
    if answers(os.environ):
        yield False, dict(os.environ)
        return
    if not shutil.which("dockerd") or not shutil.which("iptables"):
        install()
        if answers(os.environ):  # a machine with systemd has started it
            yield False, dict(os.environ)
            return
    if os.geteuid():
        raise Missing("no Docker engine answers", "start it: sudo systemctl start docker, or Docker Desktop")
    waiting = "another make test-docker has the engine: waiting for it"
    with exclusive(cache() / "lock", lambda: say(waiting)), own_daemon() as environ:
        yield True, environ


def answers(environ: Mapping[str, str]) -> bool:
    return succeeds("docker", "info", environ=environ)


def install() -> None:
    if os.geteuid() or not shutil.which("apt-get"):
        raise Missing(
            "no Docker engine answers, and only Debian's can be installed from here, as root",
            "install Docker (https://docs.docker.com/engine/install/), then make test-docker",
        )
    say("installing Debian's engine (docker.io, iptables); it stays installed")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "docker.io", "iptables"]
    if not succeeds(*packages, environ=environ, seconds=300):
        do("apt-get", "update", "--quiet", environ=environ, what="apt-get update")
        do(*packages, environ=environ, what="installing docker.io")
    if not shutil.which("docker"):  # since Debian 13 a package of its own
        do(*packages[:-2], "docker-cli", environ=environ, what="installing docker-cli")


@contextmanager
def own_daemon() -> Iterator[dict[str, str]]:
    """Its images stay in the cache for the next time; everything else of it goes."""
    run = Path(tempfile.mkdtemp(prefix="tm-docker-"))  # short: a socket's path may have 108 letters
    log = cache() / "dockerd.log"
    say(f"starting dockerd (its log: {log})")
    command = ["dockerd", "--host", f"unix://{run}/sock", "--data-root", str(cache() / "data")]
    command += ["--exec-root", str(run / "exec"), "--pidfile", str(run / "pid")]
    with log.open("wb") as lines:
        daemon = subprocess.Popen(command, stdout=lines, stderr=lines, start_new_session=True)
    environ = {name: value for name, value in os.environ.items() if name != "DOCKER_CONTEXT"}
    environ["DOCKER_HOST"] = f"unix://{run}/sock"
    try:
        if not wait_until(lambda: daemon.poll() is not None or answers(environ), START_SECONDS):
            raise Missing("dockerd did not answer in time", f"see {log}")
        if daemon.poll() is not None:
            why = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise Missing(f"dockerd ended at once: {' '.join(why)}", f"see {log}")
        remove_all(environ)  # of a run that was killed
        yield environ
    finally:
        stop(daemon)
        shutil.rmtree(run, ignore_errors=True)


def stop(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.terminate()
    try:
        daemon.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def remove_all(environ: Mapping[str, str], *filters: str) -> None:
    """Containers, volumes and networks."""
    for listing, removal in (
        (("ps", "--all"), ("rm", "--force")),
        (("volume", "ls"), ("volume", "rm", "--force")),
        (("network", "ls", "--filter", "type=custom"), ("network", "rm")),
    ):
        left = output("docker", *listing, "--quiet", *filters, environ=environ)
        if left:
            succeeds("docker", *removal, *left, environ=environ, seconds=60)


def forget(projects: Sequence[str], environ: Mapping[str, str]) -> None:
    """What tests that were cut short may have left of their projects."""
    for project in projects:
        remove_all(environ, "--filter", f"label=com.docker.compose.project={project}")
