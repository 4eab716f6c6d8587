"""The `threemaps` command. Each sub-command is loaded only when it runs, so that --help answers at once."""

import importlib
import io
import sys
from typing import Any

import click

from threemaps import __version__
from threemaps.basics.progress import give_up_stdout
from threemaps.entry import INTERRUPTED
from threemaps.errors import UserError

# Command → the line that `threemaps --help` shows for it. The code is in threemaps/cli/NAME.py.
COMMANDS = {
    "demo": "Start everything, send requests, compare the maps.",
    "up": "Start everything in the background and wait until it is healthy.",
    "down": "Stop everything; nothing is left running.",
    "status": "Show what runs where.",
    "traffic": "Send requests across the services.",
    "compare": "Compare the service maps of the backends.",
    "snapshot": "Save one backend's map as a small file.",
    "login": "Log in to Honeycomb in the browser, so that its map can be read without a key.",
    "link": "Print the address of the map's query, or of a trace, in Honeycomb's own page.",
    "trace": "Show one trace as each backend holds it.",
    "traces": "List recent, slowest or failing traces.",
    "logs": "Show the log lines of one trace.",
    "query": "Ask Honeycomb: COUNT, HEATMAP or P90.",
    "doctor": "Name the first broken link and what to type next.",
    "mcp": "Answer coding assistants, over the Model Context Protocol.",
    "fault": "Make a service misbehave, to see how each map shows it.",
    "provision": "Make what an AWS account needs: group, sampling rule, log groups, dashboard.",
    "spend": "Estimate what the telemetry costs, and what would save.",
}


class LazyGroup(click.Group):
    """Lists its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"threemaps.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """A reader of our output who went away, as `| head` does, has seen enough: that is no failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            give_up_stdout()
            ctx.exit(0)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="threemaps")
def cli() -> None:
    """One request, three service maps: Honeycomb, AWS X-Ray and CloudWatch.

    \b
    Examples:
      threemaps up                    start the demo, no account needed
      threemaps traffic --requests 50
      threemaps compare               the three maps, and why they differ
      threemaps down
    """


def run() -> None:
    """Runs the command line; whatever is the user's to mend ends in two lines, never in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what its encoding lacks, as ✓ in latin-1, becomes a ?
            stream.reconfigure(errors="replace")
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Aborted!", err=True)
        sys.exit(INTERRUPTED)
    except UserError as error:
        click.echo(f"threemaps: {error.message}", err=True)
        if error.hint:
            click.echo(f"  → {error.hint}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        # A disk that is full, a folder that is somebody else's: where the state is kept, or the output goes.
        give_up_stdout()
        click.echo(f"threemaps: {error.filename or 'the output'}: {error.strerror or error}", err=True)
        click.echo("  → give it room and let it be yours, or name another folder: THREEMAPS_STATE", err=True)
        sys.exit(2)
