"""What the init container does, once, before the others start: `python -m threemaps.demo.init`.

It alone sees `.env`. The collector gets its values as files, the page the keys it reads with.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from threemaps.demo.faults import document
from threemaps.demo.resolved import NO_KEY, addresses, write_resolved
from threemaps.demo.state import write_private
from threemaps.demo.system import reading_keys
from threemaps.errors import UserError
from threemaps.settings import Settings


def main() -> int:
    try:
        settings = Settings.load()
        write_resolved(settings)
        for name, value in addresses(settings).items():
            write_private(settings.run / name, value)
        if settings.aws_is_real:
            write_private(settings.run / "aws_credentials", aws_credentials(settings))
        backends = {
            "THREEMAPS_BACKENDS": settings.get("THREEMAPS_BACKENDS", "local"),
            "THREEMAPS_XRAY_INGEST": settings.xray_ingest,
        }
        write_private(settings.state / "page" / "reading.env", env_file(backends | reading_keys(settings)))
        write_flags(settings.flags_file)
    except UserError as error:
        sys.stderr.write(f"{error.message}\n  → {error.hint}\n")
        return error.exit_code
    sys.stdout.write(summary(settings))
    return 0


def aws_credentials(settings: Settings) -> str:
    """The user's keys in AWS's own format: in its container the collector sees no other source of them."""
    lines = ["[default]"]
    lines += [
        f"{name.lower()} = {settings.get(name, NO_KEY)}"
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    ]
    if settings.get("AWS_SESSION_TOKEN"):
        lines.append(f"aws_session_token = {settings.get('AWS_SESSION_TOKEN')}")
    return "\n".join(lines) + "\n"


def env_file(values: Mapping[str, str]) -> str:
    """As `Settings.load` reads it through THREEMAPS_ENV_FILE: literal, whatever is in a value but a '."""
    for name, value in values.items():
        if "'" in value:
            raise UserError(f"{name} has a ' in it", hint="use a value without one", exit_code=2)
    return "".join(f"{name}='{value}'\n" for name, value in values.items())


def write_flags(path: Path) -> None:
    """The services only read them. A fault that is switched on stays on."""
    if not path.exists():
        path.write_text(json.dumps(document({})) + "\n")


def summary(settings: Settings) -> str:
    """Where each export path goes, and which key is missing for that."""
    lines = [f"Honeycomb: {settings.honeycomb_api}", f"AWS: {settings.aws_endpoint or settings.aws_region}"]
    needed = ["HONEYCOMB_API_KEY"] if settings.honeycomb_is_real else []
    if settings.honeycomb_is_real and not settings.get("HONEYCOMB_MANAGEMENT_KEY"):
        needed.append("HONEYCOMB_CONFIGURATION_KEY")
    needed += ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] if settings.aws_is_real else []
    lines += [f"{name} is not set → put it into .env" for name in needed if not settings.get(name)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
