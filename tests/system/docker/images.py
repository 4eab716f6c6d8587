"""The base images: the engine's own, else from the registry, else made here under the same names."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.system.docker.tools import Missing, do, output, say, succeeds
from threemaps.demo.collector import collector_binary
from threemaps.settings import PROJECT

PULL_SECONDS = 120
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
SCRIPT = Path(__file__).with_name("make-python-base.sh")
MADE_OF = "threemaps.made-of"
PATHS = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


@contextmanager
def base_images(environ: Mapping[str, str], *, keep: bool) -> Iterator[None]:
    """Images made here are no official ones: somebody else's engine does not keep them."""
    made: list[str] = []
    try:
        for name, make in ((python_image(), make_python), (collector_image(), make_collector)):
            if not usable(name, environ) and not pulled(name, environ):
                make(name, environ)
                made.append(name)
        yield
    finally:
        if made and not keep:
            succeeds("docker", "image", "rm", "--force", *made, environ=environ)


@contextmanager
def built_images(environ: Mapping[str, str], *, keep: bool) -> Iterator[None]:
    """The project's own image goes again where it was not before."""
    name = services()["web"]["image"]
    before = present(name, environ)
    try:
        yield
    finally:
        if not before and not keep:
            succeeds("docker", "image", "rm", "--force", name, environ=environ)


def services() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())[
        "services"
    ]
    return found


def python_image() -> str:
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("FROM "))


def collector_image() -> str:
    return services()["collector"]["image"]


def present(name: str, environ: Mapping[str, str]) -> bool:
    return succeeds("docker", "image", "inspect", name, environ=environ)


def usable(name: str, environ: Mapping[str, str]) -> bool:
    """There, and not made here of a collector that has been built anew since."""
    if not present(name, environ):
        return False
    made_of = output(
        "docker",
        "image",
        "inspect",
        "--format",
        f'{{{{index .Config.Labels "{MADE_OF}"}}}}',
        name,
        environ=environ,
    )
    return not made_of or made_of == [digest(collector_binary(say))]


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pulled(name: str, environ: Mapping[str, str]) -> bool:
    say(f"pulling {name}")
    return succeeds("docker", "pull", "--quiet", name, environ=environ, seconds=PULL_SECONDS)


def make_python(name: str, environ: Mapping[str, str]) -> None:
    if os.geteuid() or not shutil.which("dpkg-query"):
        raise Missing(
            f"{name} could not be pulled, and it can be made on Debian only, as root", f"docker pull {name}"
        )
    say(f"making {name} from this machine's Debian and Python")
    with rootfs() as folder:
        do("bash", str(SCRIPT), str(folder), sys.base_prefix, environ=environ, what=SCRIPT.name)
        variables = f"ENV PATH={PATHS} LANG=C.UTF-8 PIP_CERT={CERTIFICATES}"
        load(folder, name, environ, variables, 'CMD ["python3"]')


def make_collector(name: str, environ: Mapping[str, str]) -> None:
    """As the official image has it: a user without a name, no shell, one program."""
    say(f"making {name} from the collector that `threemaps up` uses")
    with rootfs() as folder:
        binary = collector_binary(say)
        if b"ld-linux" in binary.read_bytes()[:4096]:
            raise Missing(f"{binary} needs a C library, which the image has not", f"rm {binary}")
        shutil.copy(binary, folder / "otelcol-contrib")
        (folder / "tmp").mkdir(mode=0o1777)
        target = folder / CERTIFICATES.relative_to("/")
        target.parent.mkdir(parents=True)
        shutil.copy(CERTIFICATES, target)
        entry = 'ENTRYPOINT ["/otelcol-contrib"]'
        config = 'CMD ["--config","/etc/otelcol-contrib/config.yaml"]'
        load(folder, name, environ, "USER 10001", entry, config, f"LABEL {MADE_OF}={digest(binary)}")


@contextmanager
def rootfs() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tm-image-") as name:
        folder = Path(name) / "root"
        folder.mkdir(mode=0o755)
        yield folder


def load(folder: Path, name: str, environ: Mapping[str, str], *changes: str) -> None:
    options = [option for change in changes for option in ("--change", change)]
    with subprocess.Popen(["tar", "-C", str(folder), "-c", "."], stdout=subprocess.PIPE) as tar:
        done = subprocess.run(
            ["docker", "import", *options, "-", name],
            stdin=tar.stdout,
            env=dict(environ),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode or tar.returncode:
        raise Missing(f"docker import {name} failed: {done.stderr.strip()}", "is the engine's disk full?")
