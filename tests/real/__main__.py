"""`make test-real`: each operation on a stand-in and on the account whose keys are in the environment."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from tests.conftest import serving
from tests.real.contract import OPERATIONS, Account, a_log_group, asked
from tests.real.traffic import CALLS, Traffic
from threemaps.readers.accounts import has_aws_keys
from threemaps.settings import PROJECT, Settings
from threemaps.standins import aws
from threemaps.standins.honeycomb import urls as honeycomb
from threemaps.standins.store import Store

TABLE = PROJECT / "build" / "test-real.md"
NEEDS = """make test-real needs the keys of an account in the environment, and found none:
  AWS: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and AWS_REGION. Transaction Search is on
       there, and allowed is what aws/iam-collector.json, iam-reader.json and iam-provisioner.json allow.
  Honeycomb: HONEYCOMB_API_KEY (ingest) and HONEYCOMB_CONFIGURATION_KEY.
Either is enough."""
PLANS = {
    "aws": """AWS in {region}: makes the log group {group}, deleted at the end; sends {spans} spans,
a log record and a metric point, which stay until they age out. Costs under 0.01 USD; 16 minutes at most.""",
    "honeycomb": """Honeycomb at {url}: sends {spans} events in two datasets named threemaps-real-*,
which nobody but you can delete. Costs nothing on any plan.""",
}
PATIENCE = {"aws": 16 * 60.0, "honeycomb": 120.0}
LOCAL_PATIENCE = 10.0


def vendors(environ: Mapping[str, str]) -> list[str]:
    """Those that there are keys for."""
    settings = Settings.load({**environ, "THREEMAPS_BACKENDS": "aws"})
    found = ["aws"] if has_aws_keys(settings) else []
    keys = ("HONEYCOMB_API_KEY", "HONEYCOMB_CONFIGURATION_KEY")
    return found + (["honeycomb"] if all(settings.get(key) for key in keys) else [])


@contextlib.contextmanager
def standins() -> Iterator[Settings]:
    with tempfile.TemporaryDirectory() as folder, serving() as serve:
        stores = [Store(Path(folder) / "a", aws.SCHEMA), Store(Path(folder) / "h", honeycomb.SCHEMA)]
        environ = {
            "THREEMAPS_URL_AWS": serve(aws.Aws(stores[0], {})),
            "THREEMAPS_URL_HONEYCOMB": serve(honeycomb.create_app(stores[1])),
            "THREEMAPS_ENV_FILE": os.devnull,
        }
        yield Settings.load(environ)
        for store in stores:
            store.close()


def plan(vendor: str, account: Account) -> str:
    return PLANS[vendor].format(
        region=account.settings.aws_region,
        url=account.settings.honeycomb_api,
        spans=3 * CALLS,
        group=account.traffic.log_group,
    )


def answers(vendor: str, account: Account) -> Iterator[tuple[str, str]]:
    with a_log_group(account) if vendor == "aws" else contextlib.nullcontext():
        for operation in (one for one in OPERATIONS if one.vendor == vendor):
            yield operation.name, asked(operation, account)


def main() -> int:
    found = vendors(os.environ)
    if not found:
        click.echo(NEEDS, err=True)
        return 2
    real = Settings.load({**os.environ, "THREEMAPS_BACKENDS": ",".join(found)})
    started = datetime.now(UTC)
    rows: list[tuple[str, str, str]] = []
    with standins() as local:
        for vendor in found:
            theirs = Account(real, Traffic(), started, PATIENCE[vendor])
            click.echo(plan(vendor, theirs))
            ours = dict(answers(vendor, Account(local, Traffic(), started, LOCAL_PATIENCE)))
            for name, said in answers(vendor, theirs):
                rows.append((name, ours[name], said))
                click.echo(f"  {'same' if ours[name] == said else 'not':<5}{name}: {said}")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(table(rows), encoding="utf-8")
    click.echo(f"{TABLE} has the table; paste it into docs/untested.md")
    return 0 if all(one == other for _, one, other in rows) else 1


def table(rows: list[tuple[str, str, str]]) -> str:
    head = ["| operation | stand-in | vendor | same |", "|---|---|---|---|"]
    told = [f"| {name} | {one} | {other} | {'yes' if one == other else 'no'} |" for name, one, other in rows]
    return "\n".join([*head, *told, ""])


if __name__ == "__main__":
    sys.exit(main())
