"""What the first container of a Fargate task does: `python -m threemaps.demo.task agent` (or `gateway`).

A task's volumes begin empty and belong to root. Here they get what the collector reads, one file a value, and
their owner. Keys come as variables from the Parameter Store, to this container alone.
"""

import os
import shutil
import sys
from pathlib import Path

from threemaps.demo.resolved import config_files, write_resolved
from threemaps.demo.state import write_private
from threemaps.errors import UserError
from threemaps.settings import PROJECT, Settings

OWNER = 10001  # the user of the collector's image and of ours
AGENT = PROJECT / "collector" / "agent.yaml"
# File → the variable that has its content.
GIVEN = {
    "agent": {"gateway_ca.pem": "GATEWAY_CA", "gateway_token": "GATEWAY_TOKEN"},
    "gateway": {
        "gateway_cert.pem": "GATEWAY_CERT",
        "gateway_key.pem": "GATEWAY_KEY",
        "gateway_tokens": "GATEWAY_TOKENS",
    },
}


def main() -> int:
    try:
        tier = parse_tier(sys.argv[1:])
        settings = Settings.load()
        prepare(settings, tier)
    except UserError as error:
        sys.stderr.write(f"{error.message}\n  → {error.hint}\n")
        return error.exit_code
    return 0


def parse_tier(arguments: list[str]) -> str:
    if len(arguments) == 1 and arguments[0] in GIVEN:
        return arguments[0]
    raise UserError(f"{' '.join(arguments)!r} is no tier", hint="agent or gateway", exit_code=2)


def prepare(settings: Settings, tier: str) -> None:
    write_resolved(settings)
    for name, value in given(settings, tier).items():
        write_private(settings.run / name, value)
    configs = (AGENT,) if tier == "agent" else config_files(settings.xray_ingest, gateway=True)
    # Numbered: the collector takes them in this order.
    for number, config in enumerate(configs):
        shutil.copyfile(config, settings.run / f"config-{number}.yaml")
    if os.geteuid() == 0:
        give_away(settings.run, settings.state / "queue", settings.state / "tmp")


def given(settings: Settings, tier: str) -> dict[str, str]:
    missing = [variable for variable in GIVEN[tier].values() if not settings.get(variable)]
    if missing:
        hint = "give it to this container, as deploy/ecs does"
        raise UserError(f"{missing[0]} is not set", hint=hint, exit_code=2)
    return {name: settings.get(variable) for name, variable in GIVEN[tier].items()}


def give_away(*volumes: Path) -> None:
    for volume in volumes:
        for path in (volume, *volume.rglob("*")):
            os.chown(path, OWNER, OWNER)


if __name__ == "__main__":
    sys.exit(main())
