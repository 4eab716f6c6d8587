"""What was measured, as one table on the terminal and in bench/results.md."""

import os
import platform
import statistics
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

RESULTS = Path(__file__).with_name("results.md")
PACKAGES = (
    "duckdb",
    "flask",
    "gunicorn",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation",
    "aws-xray-sdk",
)


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    value: str
    goal: str = ""


@dataclass(slots=True)
class Report:
    """One part's figures."""

    name: str
    about: str
    figures: list[Figure] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, what: str, value: float, unit: str, goal: str = "") -> None:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
        self.figures.append(Figure(what, f"{value:,.{digits}f} {unit}", goal))
        print(f"  {what:<64}{self.figures[-1].value:>18}  {goal}", flush=True)

    def say(self, what: str, text: str) -> None:
        self.figures.append(Figure(what, text))
        print(f"  {what:<64}{text}", flush=True)

    @contextmanager
    def attempting(self, what: str) -> Iterator[None]:
        """A part of a part that cannot run says why; the others go on."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the table
            lines = str(error).strip().splitlines()
            self.say(what, f"not measured: {type(error).__name__}: {lines[0][:200] if lines else ''}")


def machine() -> list[str]:
    cores = os.cpu_count() or 1
    one, five, _ = os.getloadavg()
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load before it {one:.1f} (5 minutes: {five:.1f})",
        f"{_processor()}, {cores} cores, {psutil.virtual_memory().total / 2**30:.1f} GiB, "
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def write(reports: Iterable[Report], about_machine: list[str]) -> Path:
    lines = ["# Results of `make bench`", "", *(f"- {line}" for line in about_machine)]
    for report in reports:
        lines += ["", f"## {report.name}: {report.about}", "", f"Took {report.seconds:.0f} s.", ""]
        lines += ["| measured | value | reach |", "|---|---|---|"]
        lines += [f"| {figure.what} | {figure.value} | {figure.goal} |" for figure in report.figures]
    RESULTS.write_text("\n".join(lines) + "\n")
    return RESULTS


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
