"""`threemaps doctor`."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from threemaps.doctor.check import Check


@click.command("doctor")
@click.option("--pid", type=click.IntRange(min=1), help="Look at this running process instead.")
@click.option("--inside", is_flag=True, help="With --pid: put the probe into it (Python 3.14 and later).")
@click.option("--check", "only", metavar="CODE", help="Look for this one thing only: a code or a name.")
@click.option("--list-checks", is_flag=True, help="Say which things are looked for in a service, and stop.")
@click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.argument("words", metavar="[-- COMMAND…]", nargs=-1, type=click.UNPROCESSED)
def command(
    pid: int | None, inside: bool, only: str | None, list_checks: bool, shape: str, words: tuple[str, ...]
) -> None:
    """Say which link between service and backend is broken, and what to type or write next.

    Without arguments it walks the running demo: service, collector, pipelines, backends, read back.
    With a command it looks at somebody else's service: it is run for a moment with a probe in it, asked for
    its start page, and stopped again. With a process id it looks from outside, and sees less.

    \b
    Examples:
      threemaps doctor
      threemaps doctor -- opentelemetry-instrument python app.py
      threemaps doctor -- docker compose up
      threemaps doctor --check TM203 -- python app.py
      threemaps doctor --pid 4711
      threemaps doctor --pid 4711 --inside
    """
    if list_checks:
        click.echo(listed(shape))
        return
    if pid is not None and words:
        raise click.UsageError("--pid and a command exclude each other")
    if inside and pid is None:
        raise click.UsageError("--inside needs a process: threemaps doctor --pid 4711 --inside")
    if only and not words:
        raise click.UsageError("--check needs a command: threemaps doctor --check TM203 -- python app.py")
    checks = diagnose(pid, words, only, inside)
    from threemaps.doctor.check import as_json

    click.echo(json.dumps(as_json(checks), indent=2) if shape == "json" else as_text(checks))
    sys.exit(0 if all(check.ok for check in checks) else 1)


def diagnose(
    pid: int | None, words: tuple[str, ...], only: str | None = None, inside: bool = False
) -> "list[Check]":
    if pid is not None and inside:
        from threemaps.doctor.late import check_inside

        return check_inside(pid)
    if pid is not None:
        from threemaps.doctor.outside import check_process

        return check_process(pid)
    if words:
        from threemaps.doctor.compose import check_compose, is_compose
        from threemaps.doctor.service import check_command

        if is_compose(words):
            return check_compose(words, os.environ, Path.cwd())
        return check_command(words, os.environ, Path.cwd(), only)
    from threemaps.doctor import check_chain
    from threemaps.settings import Settings

    return check_chain(Settings.load(), send=True)


def listed(shape: str) -> str:
    """Every rule on a service or a Compose project: code, name and why it matters."""
    from threemaps.doctor.service import every_rule

    rules = every_rule()
    if shape == "json":
        keys = ("code", "name", "why", "docs")
        return json.dumps([{key: getattr(rule, key) for key in keys} for rule in rules], indent=2)
    return "\n".join(f"{rule.code}  {rule.name:<28} {rule.why}" for rule in rules)


def as_text(checks: "list[Check]") -> str:
    """The verdict and what to type stand in the first line; then what was found in order."""
    first = next((one for one in checks if not one.ok), None)
    lines = [verdict(checks) if first is None else trouble(first), ""]
    lines += [f"  {sign(one)} {one.link}: {one.detail}" for one in checks]
    if first is not None and first.why:
        lines += ["", f"  why: {first.why} ({first.docs})"]
    return "\n".join(lines)


def trouble(check: "Check") -> str:
    code = f" ({check.code})" if check.code else ""
    return f"broken at {check.link}, {check.name}{code}: {check.detail} → {check.next_step}"


def verdict(checks: "list[Check]") -> str:
    """How many links hold and what the last one showed; what could not be looked at; notes."""
    looked = [one for one in checks if one.looked]
    unseen = [one.name for one in checks if not one.looked]
    count = f"{len(looked)} link{'s'[: len(looked) != 1]}"
    hold = "holds" if len(looked) == 1 else "hold"
    says = f"the {count} that could be looked at {hold}" if unseen else f"all {count} {hold}"
    plain = [one.detail for one in looked if not one.next_step]
    says += f"; the last: {plain[-1].partition('. ')[0].rstrip('.')}" if plain else ""
    says += f"; not looked at: {', '.join(unseen)}" if unseen else ""
    notes = [f"{one.detail} → {one.next_step}" for one in checks if one.next_step]
    return "; but ".join([says, *notes])


def sign(check: "Check") -> str:
    if not check.ok:
        return "✗"
    if not check.looked:
        return "?"
    return "!" if check.next_step else "✓"
