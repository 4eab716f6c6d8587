"""Which service an address belongs to: what the launcher knows of its own services, and the user's list."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from threemaps.basics.variables import read_bounded
from threemaps.errors import UserError
from threemaps.settings import SERVICES, Settings

LINE = re.compile(r"(?P<address>[^\s=]+)\s*=\s*(?P<service>[^=]+?)")
SCHEMES_OWN = (":80", ":443")


def own_names(settings: Settings) -> dict[str, str]:
    """127.0.0.1:8002 and localhost:8002 are `users`; inside containers its address is another."""
    names: dict[str, str] = {}
    for service in SERVICES:
        address = urlsplit(settings.url(service)).netloc
        names |= {address: service, address.replace("127.0.0.1", "localhost"): service}
    return names


def read_names(path: str) -> dict[str, str]:
    """A file of lines `host:port = service`; `#` begins a comment. Raises UserError for any other line."""
    if not path:
        return {}
    try:
        lines = read_bounded(Path(path).expanduser()).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        hint = "name a file with lines such as 10.0.3.7:8080 = payments"
        raise UserError(
            f"THREEMAPS_NAMES={path!r} cannot be read: {error}", hint=hint, exit_code=2
        ) from error
    names: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        found = LINE.fullmatch(text)
        if text and not found:
            raise UserError(
                f"{path}, line {number}: {line!r} is no `host:port = service`",
                hint="write a line such as 10.0.3.7:8080 = payments",
                exit_code=2,
            )
        if found:
            address, service = found["address"], found["service"]
            # The collector leaves out the scheme's own port.
            names |= {address: service}
            names |= {address.removesuffix(port): service for port in SCHEMES_OWN if address.endswith(port)}
    return names
