"""Honeycomb's stand-in: spans through its OTLP endpoint, 1,000 of ten attributes a request, and its map.

Bodies are made beforehand: a few are made in full, the others are the same with other trace ids.
"""

import random
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import zstandard

from bench import spans
from bench.intake import SIZES, TOLD_AT, WARM_UP, Intake, in_parallel, read_map, tell_disk, tell_maps
from bench.processes import settings_at, standin
from bench.report import Report
from threemaps.settings import LOCAL_INGEST_KEY, Settings

ABOUT = "Honeycomb's stand-in: spans in, maps out"
SPANS_PER_REQUEST = 1_000
TEMPLATES = 20
MARK = b"\xab" * 4 + b"mark"


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spans_in_maps_out(report, settings_at(Path(folder)))


def spans_in_maps_out(report: Report, settings: Settings) -> None:
    url, began = f"{settings.url('honeycomb')}/v1/traces", datetime.now(UTC)
    maps: dict[int, float] = {}
    with standin("honeycomb", settings) as process:
        intake = Intake(process, WARM_UP)
        for size in SIZES:
            bodies = otlp_bodies(size - intake.count)
            intake.timed(size - intake.count, lambda bodies=bodies: post_all(url, bodies))
            if size == TOLD_AT:
                intake.write(report, "Honeycomb", "≥ 55,000 spans/s")
            maps[size] = read_map("honeycomb", settings, began, size // len(spans.HOPS) * 2)
        tell_maps(report, "Honeycomb", maps)
        intake.tell_memory(report, "Honeycomb")
        tell_disk(report, "Honeycomb", settings, intake.count)


def otlp_bodies(count: int) -> list[bytes]:
    """Compressed with zstd, which is quick to make."""
    now = time.time_ns()
    made = [
        spans.body(random.Random(number), SPANS_PER_REQUEST, now, mark=MARK) for number in range(TEMPLATES)
    ]
    pack = zstandard.ZstdCompressor(1).compress
    bodies = range(count // SPANS_PER_REQUEST)
    return [pack(made[one % TEMPLATES].replace(MARK, random.randbytes(len(MARK)))) for one in bodies]


def post_all(url: str, bodies: Sequence[bytes]) -> None:
    headers = {
        "X-Honeycomb-Team": LOCAL_INGEST_KEY,
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "zstd",
    }
    in_parallel(bodies, lambda session, body: session.post(url, body, headers=headers, timeout=60))
