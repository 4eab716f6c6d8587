"""The log group and its stream that the collector writes to: AWS's OTLP endpoint makes neither.

In Docker: `python -m threemaps.account.log_group`. On a real account `threemaps provision` makes them.
"""

import sys

from threemaps.account.provision import apply, load, log_group, log_stream, looked_at
from threemaps.account.resource import Change
from threemaps.errors import UserError
from threemaps.readers.aws import aws_client
from threemaps.settings import Settings


def make_log_group(settings: Settings) -> None:
    """Makes what is missing of them at the local AWS. Raises UserError where it gives no answer."""
    if settings.aws_is_real:
        return
    logs = aws_client(settings, "logs")
    wanted = [log_group(logs, one) for one in load("log-groups")]
    wanted += [log_stream(logs, one) for one in load("log-streams")]
    for resource, found in looked_at(settings, wanted):
        apply(settings, [Change.to_make(resource, found)])


def main() -> int:
    try:
        make_log_group(Settings.load())
    except UserError as error:
        sys.stderr.write(f"{error.message}\n  → {error.hint}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
