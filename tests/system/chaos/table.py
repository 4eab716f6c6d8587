"""The report as text."""

from collections.abc import Iterable

from tests.system.chaos.measure import Leg, Result
from tests.system.chaos.proxy import LEGS

WIDTHS = (34, 30, 30, 30)


def cell(leg: Leg) -> str:
    told = leg.verdict if not leg.lost else f"{leg.lost} {leg.verdict}"
    return told + (f", {leg.repeated} twice" if leg.repeated else "")


def lines_of(results: Iterable[Result]) -> Iterable[str]:
    yield row(("fault", *LEGS))
    yield row("-" * width for width in WIDTHS)
    for result in results:
        yield line_of(result)


def line_of(result: Result) -> str:
    return row((result.trouble.name, *(cell(result.legs[leg]) for leg in LEGS)))


def figures_of(results: Iterable[Result]) -> Iterable[str]:
    yield f"{'fault':<34}  acknowledged → arrived (longest seconds on the way)"
    for result in results:
        told = [
            f"{name} {leg.acknowledged} → {leg.arrived}" + (f" ({leg.delay:.1f})" if leg.delay else "")
            for name, leg in result.legs.items()
        ]
        more = f"; refused at the door {result.refused}" if result.refused else ""
        more += f"; segments nobody acknowledged {result.unconfirmed}" if result.unconfirmed else ""
        yield f"{result.trouble.name:<34}  {'; '.join(told)}{more}"


def row(cells: Iterable[str]) -> str:
    return "  ".join(f"{text:<{width}}" for text, width in zip(cells, WIDTHS, strict=True)).rstrip()
