"""What facts speak of: lines of code, exporters and what became of spans there, the command's own outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threemaps.doctor.listener import Fact

SENDS_NOWHERE = ("ConsoleSpanExporter", "InMemorySpanExporter")


@dataclass(frozen=True)
class Place:
    """A line of the service's own code."""

    file: Path
    line: int
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}"

    @property
    def text(self) -> str:
        """The line itself, as far as it can be read."""
        try:
            return self.file.read_text(encoding="utf-8").splitlines()[self.line - 1]
        except (OSError, UnicodeDecodeError, IndexError):
            return ""


def place_of(fact: Mapping[str, Any] | None) -> Place | None:
    found = (fact or {}).get("place")
    return Place(Path(found["file"]), found["line"], found.get("function", "")) if found else None


@dataclass(frozen=True)
class Exporter:
    """One exporter behind one processor, and what became of the request's spans there."""

    number: int
    processor: int
    type: str
    protocol: str  # "" where it is not OTLP's
    endpoint: str
    by_code: bool
    headers: Mapping[str, str]  # shapes of the values
    headers_by_code: bool
    delay_ms: float
    delay_by_code: bool
    place: Place | None
    insecure: bool = False

    @property
    def sends(self) -> bool:
        return self.type not in SENDS_NOWHERE


@dataclass(frozen=True)
class Export:
    """`state` is success, failure, underway, none, or kept by an exporter around OTLP's own.

    `said` is what the exporter logged, newest last.
    """

    state: str
    said: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return self.said[-1] if self.said else ""


@dataclass
class Outcome:
    """How the command itself went."""

    started: bool = True
    why_not: str = ""
    code: int | None = None
    said: str = ""
    answered: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    unseen: tuple[Fact, ...] = ()  # Python processes that no probe reported from: pid, argv, why


def exporter_in(fact: Mapping[str, Any], inner: Mapping[str, Any] | None) -> Exporter:
    """`inner` is the exporter of OTLP's own that the processor's hands its spans to, or is."""
    made = inner or fact["exporter"]
    return Exporter(
        number=made["exporter"],
        processor=fact["processor"],
        type=fact["exporter"]["type"],
        protocol=made.get("protocol", ""),
        endpoint=made.get("endpoint", ""),
        by_code=bool(made.get("endpoint_by_code")),
        headers=made.get("headers", {}),
        headers_by_code=bool(made.get("headers_by_code")),
        delay_ms=float(fact["delay"]),
        delay_by_code=bool(fact["by_code"]),
        place=place_of(made) or place_of(fact),
        insecure=bool(made.get("insecure")),
    )
