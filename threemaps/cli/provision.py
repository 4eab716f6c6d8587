"""`threemaps provision`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from threemaps.basics.progress import say

if TYPE_CHECKING:
    from threemaps.account.resource import Change

COLOURS = {"+": "green", "~": "yellow", "-": "red", "=": None}
DONE = {"+": "made", "~": "changed", "-": "deleted"}


@click.command("provision")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--destroy", is_flag=True, help="Delete what this command makes, logs included.")
@click.option(
    "--transaction-search",
    "search",
    is_flag=True,
    help="Turn on Transaction Search and Application Signals' discovery, for the whole account and region.",
)
@click.option(
    "--index-all",
    is_flag=True,
    help="Have X-Ray index every trace of the account, not 1 %. AWS charges for it.",
)
def command(dry_run: bool, destroy: bool, search: bool, index_all: bool) -> None:
    """Make the X-Ray group and sampling rule, the log group with its stream, and the dashboard.

    What they look like is in the folder aws/. Run again, it changes only what differs. Without
    THREEMAPS_BACKENDS=aws it works on the local stand-in. What is switched for the whole account is done when
    asked for, and never taken back: other applications may use it.

    \b
    Examples:
      threemaps provision --dry-run
      THREEMAPS_BACKENDS=aws threemaps provision --transaction-search --index-all
      threemaps provision --destroy
    """
    from threemaps.account.account_wide import left_to_do
    from threemaps.account.provision import apply, plan, removal_plan
    from threemaps.errors import UserError
    from threemaps.settings import Settings

    if destroy and (search or index_all):
        hint = "aws xray update-trace-segment-destination --destination XRay turns it off for everybody"
        raise UserError("--destroy takes back nothing account-wide", hint=hint, exit_code=2)
    settings = Settings.load()
    try:
        changes = removal_plan(settings) if destroy else plan(settings, search=search, index_all=index_all)
        say("\n".join(line for change in changes for line in lines(change)))
        if not dry_run:
            apply(settings, changes)
        left = [] if destroy or dry_run else left_to_do(settings)
    except UserError as error:
        raise UserError(error.message, hint=error.hint, exit_code=2) from error
    say("\n".join([*left, summary(changes, settings.aws_region, dry_run)]))
    sys.exit(0)


def lines(change: "Change") -> list[str]:
    """One resource of the plan as a difference."""
    head = f"{change.sign} {change.resource.kind} {change.resource.name}"
    fields = [f"    {name}: {wanted(before, after)}" for name, before, after in change.differences]
    return [click.style(head, fg=COLOURS[change.sign]), *fields]


def wanted(before: Any, after: Any) -> str:
    if isinstance(after, list):
        return f"{len(after)} of them" if before is None else "other ones"
    return str(after) if before is None else f"{before} → {after}"


def summary(changes: "list[Change]", region: str, dry_run: bool) -> str:
    counts = {word: sum(change.sign == sign for change in changes) for sign, word in DONE.items()}
    summary = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    if not summary:
        return f"nothing to change in {region}"
    return f"{'would be: ' if dry_run else ''}{summary} in {region}"
