"""`threemaps doctor`."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from threemaps.doctor.check import Check


@click.command("doctor")
@click.option("--pid", type=click.IntRange(min=1), help="Look at this running process instead.")
@click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.argument("words", metavar="[-- COMMAND…]", nargs=-1, type=click.UNPROCESSED)
def command(pid: int | None, shape: str, words: tuple[str, ...]) -> None:
    """Say which link between service and backend is broken, and what to type next.

    Without arguments it walks the running demo: service, collector, leg, backend, read back.
    With a command or a process id it looks at somebody else's service instead. The command is run for a few
    seconds with a recorder in place of its backend, asked for its start page, and stopped again.

    \b
    Examples:
      threemaps doctor
      threemaps doctor -- opentelemetry-instrument python app.py
      threemaps doctor --pid 4711
      threemaps doctor --format json
    """
    if pid is not None and words:
        raise click.UsageError("--pid and a command exclude each other")
    checks = diagnose(pid, words)
    click.echo(json.dumps(as_json(checks), indent=2) if shape == "json" else as_text(checks))
    sys.exit(0 if all(check.ok for check in checks) else 1)


def diagnose(pid: int | None, words: tuple[str, ...]) -> "list[Check]":
    from threemaps.doctor import check_chain
    from threemaps.doctor.service import check_service
    from threemaps.doctor.subject import from_command, from_process
    from threemaps.settings import Settings

    settings = Settings.load()
    if pid is not None:
        return check_service(from_process(pid), settings.honeycomb_api)
    if words:
        return check_service(from_command(words, os.environ, Path.cwd()), settings.honeycomb_api)
    return check_chain(settings, send=True)


def as_json(checks: "list[Check]") -> dict[str, object]:
    first = next((check for check in checks if not check.ok), None)
    return {
        "ok": first is None,
        "broken": asdict(first) if first else None,
        "checks": [asdict(check) for check in checks],
    }


def as_text(checks: "list[Check]") -> str:
    """The verdict and what to type stand in the first line; then what was found in order."""
    last = checks[-1]
    if last.ok:
        notes = [f"{one.detail} → {one.next_step}" for one in checks if one.next_step]
        verdict = "; but ".join([f"all {len(checks)} links hold", *notes])
    else:
        verdict = f"broken at {last.link}, {last.name}: {last.detail} → {last.next_step}"
    return "\n".join([verdict, "", *(f"  {sign(one)} {one.link}: {one.detail}" for one in checks)])


def sign(check: "Check") -> str:
    if not check.ok:
        return "✗"
    return "!" if check.next_step else "✓"
