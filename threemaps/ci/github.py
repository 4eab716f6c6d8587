"""`python -m threemaps.ci.github`: what action.yml runs, in a job of GitHub Actions.

Reads INPUT_SOURCES, INPUT_SINCE, INPUT_SERVICE, INPUT_EXPECT and INPUT_FAIL_ON. Writes maps, differences and
causes into the job's summary, `agree` and `differences` into the step's outputs, and a line into the log for
each unexpected difference, which GitHub shows at the expected file.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from threemaps.compare.contract import Contract
from threemaps.compare.side_by_side import compare_now
from threemaps.errors import UserError
from threemaps.model.difference import Comparison, Difference
from threemaps.model.windows import parse_since
from threemaps.readers import BACKENDS
from threemaps.readers.accounts import reading_settings
from threemaps.render import render
from threemaps.settings import Settings

FAIL_ON = ("differ", "unreadable", "never")


@dataclass(frozen=True)
class Inputs:
    sources: tuple[str, ...]
    since: str
    service: str | None
    expect: str | None
    fail_on: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Inputs":
        """Raises UserError for a word that `fail-on` does not know."""
        fail_on = environ.get("INPUT_FAIL_ON") or FAIL_ON[0]
        if fail_on not in FAIL_ON:
            raise UserError(f"fail-on: {fail_on!r} is none of {', '.join(FAIL_ON)}", exit_code=2)
        return cls(
            tuple(environ.get("INPUT_SOURCES", "").split()) or BACKENDS,
            environ.get("INPUT_SINCE") or "15m",
            environ.get("INPUT_SERVICE") or None,
            environ.get("INPUT_EXPECT") or None,
            fail_on,
        )


def main(environ: Mapping[str, str]) -> int:
    try:
        inputs = Inputs.of(environ)
        comparison = compared(inputs, environ)
    except UserError as error:
        sys.stdout.write(annotation("error", f"{error.message} {error.hint}".strip()))
        return 2
    append(environ.get("GITHUB_STEP_SUMMARY"), summary(comparison))
    append(environ.get("GITHUB_OUTPUT"), outputs(comparison))
    sys.stdout.write(render(comparison, "table"))
    sys.stdout.writelines(annotations(comparison, inputs))
    return exit_code(comparison, inputs.fail_on)


def compared(inputs: Inputs, environ: Mapping[str, str]) -> Comparison:
    contract = Contract.read(inputs.expect) if inputs.expect else None
    settings, notes = reading_settings(Settings.load(environ), inputs.sources)
    for note in notes:
        sys.stdout.write(f"{note}\n")
    since = parse_since(inputs.since)
    return compare_now(settings, inputs.sources, since, inputs.service, contract=contract)


def exit_code(comparison: Comparison, fail_on: str) -> int:
    if fail_on == "never":
        return 0
    if not comparison.readable:
        return 2
    return 0 if comparison.agree or fail_on == "unreadable" else 1


def unexpected(comparison: Comparison) -> list[Difference]:
    return [difference for difference in comparison.differences if not difference.expected]


def summary(comparison: Comparison) -> str:
    """Markdown: the verdict, each difference with cause and advice, and the maps as a diagram."""
    wrong = unexpected(comparison)
    lines = ["## Service maps agree" if comparison.agree else f"## Service maps differ: {len(wrong)}", ""]
    if comparison.differences:
        lines += ["| | difference | cause | next |", "|---|---|---|---|"]
    for one in comparison.differences:
        mark = "expected" if one.expected else "**unexpected**"
        cells = (mark, described(one), one.cause, one.advice)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    lines += ["", "```mermaid", render(comparison, "mermaid").rstrip(), "```", ""]
    return "\n".join(lines)


def described(difference: Difference) -> str:
    what = str(difference.kind).replace("_", " ")
    where = " → ".join(str(end) for end in (difference.source, difference.target) if end is not None)
    values = ", ".join(f"{name} {value:g}" for name, value in difference.values.items() if value is not None)
    missing = f"not in {', '.join(difference.not_in)}" if difference.not_in else ""
    return ", ".join(part for part in (f"{what} {where}".strip(), values, missing) if part)


def outputs(comparison: Comparison) -> str:
    return f"agree={str(comparison.agree).lower()}\ndifferences={len(unexpected(comparison))}\n"


def annotations(comparison: Comparison, inputs: Inputs) -> Iterator[str]:
    lines = Path(inputs.expect).read_text(encoding="utf-8").splitlines() if inputs.expect else []
    for one in unexpected(comparison):
        text = f"{described(one)}: {one.cause} {one.advice}".strip()
        yield annotation("error", text, inputs.expect, line_of(one, lines))


def line_of(difference: Difference, lines: list[str]) -> int:
    """Where the expected file names both ends, else the first of them; its first line where it names none."""
    names = [json.dumps(str(end)) for end in (difference.source, difference.target) if end is not None]
    for wanted in (names, names[:1]):
        for number, line in enumerate(lines, 1):
            if wanted and all(name in line for name in wanted):
                return number
    return 1


def annotation(level: str, text: str, file: str | None = None, line: int = 1) -> str:
    """A workflow command; what would end it early is escaped as GitHub wants it."""
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    place = f" file={file},line={line}" if file else ""
    return f"::{level}{place}::{escaped}\n"


def append(path: str | None, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)


if __name__ == "__main__":
    sys.exit(main(os.environ))
