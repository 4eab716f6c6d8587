"""`threemaps provision`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from threemaps.basics.progress import say

if TYPE_CHECKING:
    from threemaps.account.provision import Change

COLOURS = {"+": "green", "~": "yellow", "-": "red", "=": None}
DONE = {"+": "made", "~": "changed", "-": "deleted"}


@click.command("provision")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--destroy", is_flag=True, help="Delete what this command makes, logs included.")
def command(dry_run: bool, destroy: bool) -> None:
    """Make the X-Ray group and sampling rule, the log groups and the dashboard.

    What they look like is in the folder aws/. Run again, it changes only what differs. Without
    THREEMAPS_BACKENDS=aws it works on the local stand-in.

    \b
    Examples:
      threemaps provision --dry-run
      THREEMAPS_BACKENDS=aws threemaps provision
      threemaps provision --destroy
    """
    from threemaps.account.provision import apply, plan
    from threemaps.errors import UserError
    from threemaps.settings import Settings

    settings = Settings.load()
    try:
        changes = plan(settings, destroy=destroy)
        say("\n".join(line for change in changes for line in lines(change)))
        if not dry_run:
            apply(settings, changes)
    except UserError as error:
        raise UserError(error.message, hint=error.hint, exit_code=2) from error
    say(summary(changes, settings.aws_region, dry_run))
    sys.exit(0)


def lines(change: "Change") -> list[str]:
    """One resource of the plan as a difference."""
    head = f"{change.sign} {change.resource.kind} {change.resource.name}"
    told = [f"    {name}: {wanted(before, after)}" for name, before, after in change.differences]
    return [click.style(head, fg=COLOURS[change.sign]), *told]


def wanted(before: Any, after: Any) -> str:
    if isinstance(after, list):
        return f"{len(after)} of them" if before is None else "other ones"
    return str(after) if before is None else f"{before} → {after}"


def summary(changes: "list[Change]", region: str, dry_run: bool) -> str:
    counts = {word: sum(change.sign == sign for change in changes) for sign, word in DONE.items()}
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    if not told:
        return f"nothing to change in {region}"
    return f"{'would be: ' if dry_run else ''}{told} in {region}"
