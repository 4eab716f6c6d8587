"""The report as text."""

from collections.abc import Iterable

from tests.system.chaos.measure import Pipeline, Result
from tests.system.chaos.proxy import PIPELINES

WIDTHS = (34, 30, 30, 30)


def cell(pipeline: Pipeline) -> str:
    text = pipeline.verdict if not pipeline.lost else f"{pipeline.lost} {pipeline.verdict}"
    return text + (f", {pipeline.repeated} twice" if pipeline.repeated else "")


def lines_of(results: Iterable[Result]) -> Iterable[str]:
    yield row(("fault", *PIPELINES))
    yield row("-" * width for width in WIDTHS)
    for result in results:
        yield line_of(result)


def line_of(result: Result) -> str:
    return row((result.trouble.name, *(cell(result.pipelines[pipeline]) for pipeline in PIPELINES)))


def figures_of(results: Iterable[Result]) -> Iterable[str]:
    yield f"{'fault':<34}  acknowledged → arrived (longest seconds on the way)"
    for result in results:
        text = [
            f"{name} {pipeline.acknowledged} → {pipeline.arrived}"
            + (f" ({pipeline.delay:.1f})" if pipeline.delay else "")
            for name, pipeline in result.pipelines.items()
        ]
        more = f"; refused at the receiver {result.refused}" if result.refused else ""
        more += f"; segments nobody acknowledged {result.unconfirmed}" if result.unconfirmed else ""
        yield f"{result.trouble.name:<34}  {'; '.join(text)}{more}"


def row(cells: Iterable[str]) -> str:
    return "  ".join(f"{text:<{width}}" for text, width in zip(cells, WIDTHS, strict=True)).rstrip()
