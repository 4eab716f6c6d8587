"""One real Kafka broker, in KRaft mode, from the jars in Maven Central."""

import contextlib
import os
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

from tests.collector_process import wait_for
from tests.running import free_ports
from tests.system.docker.tools import Missing, do

VERSION = "4.1.1"
PARTITIONS = 12
POM = f"""<project>
<modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{VERSION}</version></dependency>
</dependencies></project>
"""


class Broker:
    """Start, stop and start again; what it holds is in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, (self.port, controller) = folder, free_ports(2)
        self.address = f"127.0.0.1:{self.port}"
        self.properties = folder / "server.properties"
        folder.mkdir(parents=True)
        self.properties.write_text(properties(self.address, f"127.0.0.1:{controller}", folder / "data"))
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self._java(
            "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", str(self.properties)
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Broker":
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*java(), "kafka.Kafka", str(self.properties)], stdout=log, stderr=log, cwd=self.folder
            )
        wait_for(lambda: self._answers() or not self.running, 60)
        assert self.running, (self.folder / "log").read_text()[-3000:]
        return self

    def create(self, topic: str) -> None:
        command = "org.apache.kafka.tools.TopicCommand"
        at = ("--bootstrap-server", self.address)
        self._java(
            command, *at, "--create", "--if-not-exists", "--topic", topic, "--partitions", str(PARTITIONS)
        )

    def lag(self, group: str) -> int:
        """Messages that the group has not marked as read."""
        command = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
        told = (*java(), command, "--bootstrap-server", self.address, "--describe", "--group", group)
        lines = subprocess.run(told, capture_output=True, text=True, check=True).stdout.splitlines()
        table = [line.split() for line in lines if line.strip()]
        column = table[0].index("LAG")
        return sum(int(row[column]) for row in table[1:] if row[column].isdigit())

    def stop(self) -> None:
        if self._process is not None and self.running:
            self._process.terminate()
            self._process.wait(timeout=60)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _answers(self) -> bool:
        try:
            self._java("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", self.address, "--list")
        except Missing:
            return False
        return True

    def _java(self, *arguments: str) -> None:
        do(*java(), *arguments, environ=os.environ, what=arguments[0], folder=self.folder)


def properties(address: str, controller: str, data: Path) -> str:
    told = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://{address},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{address}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": controller,
        "log.dirs": str(data),
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "false",
    }
    return "".join(f"{name}={value}\n" for name, value in told.items())


def java() -> list[str]:
    found = shutil.which("java")
    if found is None:
        raise Missing("there is no java to run a Kafka broker with", "install Java 17 or later")
    return [found, "-Xmx512m", "-cp", f"{jars()}/*"]


def jars() -> Path:
    """Fetched once."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "threemaps" / "kafka"
    target = base / VERSION
    if not target.exists():
        maven = shutil.which("mvn")
        if maven is None:
            raise Missing(f"{target} is missing, and there is no mvn to fetch it with", "install Maven")
        new = base / f"{VERSION}.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        (new / "pom.xml").write_text(POM)
        copy = ("dependency:copy-dependencies", f"-DoutputDirectory={new}", "-DincludeScope=runtime")
        do(maven, "-q", "-B", *copy, environ=os.environ, what="fetching Kafka", folder=new)
        new.rename(target)
    return target


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    made = Broker(folder)
    try:
        made.start()
        for topic in ("otlp_spans", "otlp_logs"):
            made.create(topic)
        yield made
    finally:
        made.stop()
