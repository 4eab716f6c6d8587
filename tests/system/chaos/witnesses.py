"""Who reports what was lost: compare, that one map has less than another; doctor, what a vendor said."""

from datetime import UTC, datetime, timedelta

from tests.system.chaos.traffic import Traffic
from tests.system.chaos.world import PIPELINE_OF, World
from threemaps.compare.reading import Reader, Reading
from threemaps.diagnose import unexpected
from threemaps.doctor.walk import complaint_in
from threemaps.model.diff import differences
from threemaps.model.difference import Difference, DifferenceKind
from threemaps.model.windows import window_until
from threemaps.readers import BACKENDS

# The map that is drawn from a pipeline.
SOURCES = {"honeycomb": "honeycomb", "xray": "xray"}


def refused_by_doctor(world: World, since: float) -> set[str]:
    """The pipelines whose exporter complains of something refused inside a 200, as doctor reads its log."""
    complaints = map(complaint_in, world.collector.log.read_text().splitlines())
    refused = [one.exporter for one in complaints if one and one.refused_in_a_200 and one.at >= since]
    return {PIPELINE_OF[exporter] for exporter in refused if exporter in PIPELINE_OF}


def less_by_compare(world: World, traffic: Traffic) -> set[str]:
    """The maps that `threemaps compare` says have less than another one, now that they stand still."""
    window = window_until(datetime.now(UTC), timedelta(minutes=30))
    reader = Reader(world.readers, BACKENDS, f"{traffic.name}-*")
    maps = {name: held and held.only(reader.service) for name, held in reader.read(window).items()}
    sources = reader.sources(Reading(window, maps))
    found = unexpected(sources, differences(sources))
    return {pipeline for pipeline, source in SOURCES.items() if any(has_less(source, one) for one in found)}


def has_less(source: str, difference: Difference) -> bool:
    given = [value for value in difference.values.values() if value is not None]
    own = difference.values.get(source)
    is_less = own is not None and own < max(given)
    return source in difference.not_in or (difference.kind is DifferenceKind.REQUESTS and is_less)
