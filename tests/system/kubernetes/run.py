"""`python -m tests.system.kubernetes.run COMMAND…`: runs it beside a Kubernetes of one node, `local` in it.

Builds what is missing once, into the user's cache, and takes away again what it started. The command runs in
the node's network, with KUBECONFIG and kubectl. `--if-cached` before it: only where nothing has to be built
first, or with CI_KUBERNETES=1.
"""

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.system.docker.tools import Missing
from threemaps.demo.collector import collector_binary
from threemaps.demo.lock import exclusive
from threemaps.settings import PROJECT

UNAVAILABLE = 69  # as in sysexits.h: nothing was tested, as no cluster can run here
NODE = Path(__file__).with_name("node")
VERSION = "1.34.3"
UP = PROJECT / "deploy" / "kubernetes" / "up.sh"
LAST_BUILT = "metrics-server"


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    only_cached = arguments[:1] == ["--if-cached"]
    folder = cache()
    if only_cached and not is_built(folder) and not os.environ.get("CI_KUBERNETES"):
        say("not tested: make test-kubernetes builds what it needs, 25 minutes once")
        return 0
    try:
        check_machine()
        with exclusive(folder / "lock", lambda: say("another run is going on")):
            script("binaries.sh", folder)
            python = Path(sys.base_prefix)
            script("images.sh", folder, PROJECT, collector_binary(say), python)
            with node(folder):
                return run(arguments[1:] if only_cached else arguments, folder)
    except Missing as missing:
        sys.stderr.write(f"{missing}\n  → {missing.hint}\n")
        return UNAVAILABLE
    except subprocess.CalledProcessError as error:
        say(f"{Path(error.cmd[1]).name} failed")
        return 1
    except KeyboardInterrupt:
        return 130


def check_machine() -> None:
    """What cannot be got for it."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64") or os.geteuid():
        raise Missing("a node runs on Linux on x86_64, as root", "sudo make test-kubernetes")
    lacking = [one for one in ("apt-get", "unshare", "nsenter", "openssl", "ip") if not shutil.which(one)]
    if lacking:
        raise Missing(
            f"no {', '.join(lacking)} here", "run it on Debian with util-linux, openssl and iproute2"
        )
    if not Path("/sys/fs/cgroup/cpuset").is_dir():
        raise Missing("this machine has cgroups of version 2, the node's scripts know version 1", "none yet")
    if subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], check=False).returncode:
        raise Missing(
            "no namespaces can be made here", "run it outside of a container, or in a privileged one"
        )


@contextmanager
def node(folder: Path) -> Iterator[None]:
    """A running node with `local` in it, applied as docs/kubernetes.md says."""
    began = time.monotonic()
    try:
        script("start.sh", folder)
        started = time.monotonic()
        subprocess.run(
            ["bash", NODE / "kubectl", folder, UP, "local"],
            env={**os.environ, "WITH": "sh"},
            stdout=(folder / "run" / "log" / "up.log").open("w"),
            check=True,
        )
        ready = time.monotonic()
        say(f"the node is ready after {started - began:.0f} s, threemaps {ready - started:.0f} s later")
        yield
        for line in memory(folder):
            say(line)
    finally:
        script("stop.sh", folder)


def run(command: Sequence[str], folder: Path) -> int:
    """The command in the node's network: pods and services have their addresses there."""
    inside = subprocess.run(
        ["pgrep", "-P", (folder / "run" / "node.pid").read_text().strip()],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[0]
    programs = [folder / "bin", folder / "deb/usr/sbin", folder / "deb/usr/bin"]
    environ = {
        **os.environ,
        "KUBECONFIG": str(folder / "run" / "admin.kubeconfig"),
        "KUBERNETES_NODE": str(folder),
        "KUBERNETES_NODE_PID": inside,
        "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
        "LD_LIBRARY_PATH": str(folder / "deb/usr/lib/x86_64-linux-gnu"),
    }
    process = subprocess.Popen(["nsenter", "--net", "--target", inside, *command], env=environ)
    try:
        return process.wait()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        process.send_signal(signal.SIGINT)
        return process.wait() or 130


def memory(folder: Path) -> list[str]:
    """Resident, of each program of the control plane, and of all pods together."""
    sizes = {}
    for pid in (folder / "run").glob("pid.*"):
        name = pid.name.removeprefix("pid.")
        sizes[name] = resident(folder, name)
    pods = Path("/sys/fs/cgroup/memory/threemaps-k8s/kubepods/memory.usage_in_bytes")
    listed = ", ".join(f"{name} {size}" for name, size in sorted(sizes.items()))
    return [
        f"memory of the node, MB: {sum(sizes.values())} ({listed})",
        f"memory of all pods, page cache included, MB: {int(pods.read_text()) // 1_000_000}",
    ]


def resident(folder: Path, name: str) -> int:
    """In MB. Pids are those of the node: its /proc has them."""
    command = [
        "bash",
        str(NODE / "kubectl"),
        str(folder),
        "-c",
        f"cat /proc/$(cat {folder}/run/pid.{name})/status",
    ]
    done = subprocess.run(
        command, env={**os.environ, "WITH": "sh"}, capture_output=True, text=True, check=False
    )
    found = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("VmRSS:")]
    return int(found[0]) // 1000 if found else 0


def script(name: str, folder: Path, *arguments: object) -> None:
    subprocess.run(["bash", NODE / name, folder, *map(str, arguments)], check=True)


def is_built(folder: Path) -> bool:
    return (folder / "bin" / LAST_BUILT).exists()


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "threemaps" / "kubernetes" / VERSION
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def say(text: str) -> None:
    sys.stdout.write(f"kubernetes: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
