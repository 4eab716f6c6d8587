"""`threemaps status`."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from threemaps.settings import Settings

RECENT = timedelta(hours=1)  # what services reported before is over


@click.command()
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(output_format: str) -> None:
    """Show what runs where. Exits with 1 when something is down.

    \b
    Examples:
      threemaps status
      threemaps status --format json | jq .backends.aws.api
    """
    from threemaps.compare.troubles import standing_troubles
    from threemaps.demo.status import status

    settings = Settings.load()
    state, down = status(settings)
    state["troubles"] = [one.to_json() for one in standing_troubles(settings, datetime.now(UTC) - RECENT)]
    click.echo(json.dumps(state, indent=2) if output_format == "json" else _text(state, down))
    if down:
        sys.exit(1)


def _text(state: dict[str, Any], down: list[str]) -> str:
    collector, backends = state["collector"], state["backends"]
    rows = [(name, url) for name, url in state["services"].items()]
    rows.append(
        (
            "collector",
            f"{collector['otlp_http']}  gRPC {collector['otlp_grpc']}  X-Ray {collector['xray_udp']}",
        )
    )
    rows += [(name, f"{backend['api'] or 'AWS'}  {backend['mode']}") for name, backend in backends.items()]
    rows.append(("web", state["web"]))
    lines = [f"{one['what']}. Next: {one['advice']}" for one in state["troubles"]]
    lines += [f"  {'down' if name in down else 'up':<6}{name:<14}{where}" for name, where in rows]
    if collector["restarts"]:
        lines.append(f"restarts of the collector after a panic: {collector['restarts']}")
    if down:
        lines.append(
            f"{len(down)} down: {', '.join(down)}. Next: threemaps up, or threemaps doctor to see why"
        )
    return "\n".join(lines)
