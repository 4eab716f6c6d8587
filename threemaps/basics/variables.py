"""Values of variables and of `.env`: read, and refused by name where they cannot be what is meant.

Every problem is a UserError with the variable, its value and what to write.
"""

import errno
import os
import re
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from threemaps.errors import UserError

BACKEND_CHOICES = ("local", "cloud", "honeycomb", "aws")
OURS = ("THREEMAPS_", "HONEYCOMB_", "AWS_", "ROLLBAR_")
# Variables that move what is real, with an example.
ADDRESSES = {"HONEYCOMB_API_ENDPOINT": "https://api.eu1.honeycomb.io"}
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
SECRETS = (
    *("HONEYCOMB_API_KEY", "HONEYCOMB_CONFIGURATION_KEY", "HONEYCOMB_MANAGEMENT_KEY", "ROLLBAR_ACCESS_TOKEN"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
)
LARGEST_FILE = 50_000_000
# A value of `.env` in quotes, with nothing but a comment behind it.
QUOTED = re.compile(r"""(["'])(.*?)\1\s*(?:\s#.*)?""")
XRAY_INGESTS = ("otlp", "segments")


def parse_backends(text: str) -> frozenset[str]:
    """THREEMAPS_BACKENDS: the export paths that go to the real vendor."""
    names = {name.strip().lower() for name in text.split(",") if name.strip()}
    unknown = sorted(names - set(BACKEND_CHOICES))
    if unknown:
        raise UserError(
            f"THREEMAPS_BACKENDS={text!r}: {unknown[0]!r} is no backend",
            hint="use local, cloud, honeycomb or aws (or honeycomb,aws)",
            exit_code=2,
        )
    if "local" in names and len(names) > 1:
        raise UserError(
            f"THREEMAPS_BACKENDS={text!r}: local goes with nothing else",
            hint="name only what goes out, as in THREEMAPS_BACKENDS=honeycomb",
            exit_code=2,
        )
    return frozenset({"honeycomb", "aws"} if "cloud" in names else names - {"local"})


def parse_xray_ingest(text: str) -> str:
    """THREEMAPS_XRAY_INGEST: how spans go to X-Ray."""
    name = text.strip().lower()
    if name not in XRAY_INGESTS:
        raise UserError(
            f"THREEMAPS_XRAY_INGEST={text!r} is no way to X-Ray",
            hint="use otlp, or segments where the account has no Transaction Search",
            exit_code=2,
        )
    return name


def parse_port(environ: Mapping[str, str], name: str, default: int) -> int:
    variable = f"THREEMAPS_PORT_{name.upper()}"
    text = environ.get(variable, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):
        raise UserError(f"{variable}={text[:40]!r} is no port", hint="a number from 1 to 65535", exit_code=2)
    return int(text)


def require_trusted(path: Path, hint: str) -> None:
    """Ours or root's, if it is there: it says what we start and stop. In another's folder, his."""
    try:
        owner, folder = path.lstat().st_uid, path.parent.stat()
    except OSError:
        return
    own_folder = owner == folder.st_uid and not folder.st_mode & stat.S_IWOTH
    if owner not in (0, os.geteuid()) and not own_folder:
        raise UserError(f"{path} belongs to somebody else (uid {owner})", hint=hint, exit_code=2)


def parse_seconds(environ: Mapping[str, str], variable: str, default: float) -> float:
    text = environ.get(variable, str(default))
    if not re.fullmatch(r"\d{1,4}(\.\d{1,3})?", text, re.ASCII):
        problem = f"{variable}={text[:40]!r} is no number of seconds"
        raise UserError(problem, hint=f"as in {variable}={default:g}", exit_code=2)
    return float(text)


def parse_folder(text: str) -> Path:
    """THREEMAPS_STATE, in which ~ is somebody's home. To the collector ${ and } are a variable."""
    if "$" in text or "}" in text:
        problem = f"THREEMAPS_STATE={text!r} has a $ or }} in it"
        raise UserError(problem, hint="name a folder without one", exit_code=2)
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise UserError(
            f"THREEMAPS_STATE={text!r} begins with nobody's home", hint="write the whole path", exit_code=2
        ) from error


def checked_values(environ: Mapping[str, str], backends: Collection[str]) -> Mapping[str, str]:
    """What would not reach collector, Compose and vendors as it is, is refused by its name."""
    for variable, text in environ.items():
        if variable in SECRETS and not re.fullmatch("[!-~]([ -~]*[!-~])?", text):
            problem = f"{variable} begins or ends with a blank, or has a character in it that no key has"
            raise UserError(problem, hint="copy it again, whole and alone", exit_code=2)
        if variable.startswith(OURS) and any(ord(one) < 32 or ord(one) == 127 for one in text):
            problem = f"{variable}={text[:60]!r} has a line break or another control character in it"
            raise UserError(problem, hint="leave it out", exit_code=2)
        if _is_address(variable, backends) and not is_base_url(text):
            raise UserError(
                f"{variable}={text!r} is no address of a server",
                hint="http:// or https://, a host, perhaps a port, and no path, as in "
                f"{variable}={ADDRESSES.get(variable, 'http://127.0.0.1:4566')}",
                exit_code=2,
            )
        if variable in REGIONS and "aws" in backends and not re.fullmatch(r"[a-z0-9-]+", text):
            raise UserError(f"{variable}={text!r} is no region", hint=f"{variable}=us-east-1", exit_code=2)
    return environ


def _is_address(variable: str, backends: Collection[str]) -> bool:
    """Of ours, or of what is real."""
    named = {
        r"THREEMAPS_URL_\w+": "",
        "HONEYCOMB_API_ENDPOINT": "honeycomb",
        r"AWS_ENDPOINT_URL(_\w+)?": "aws",
    }
    return any(re.fullmatch(name, variable) and backend in (*backends, "") for name, backend in named.items())


def is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_server = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    rest = (parts.path.rstrip("/"), parts.query, parts.fragment)
    return is_server and not any(rest) and not any(one.isspace() or one == "$" for one in text)


def read_bounded(path: Path) -> bytes:
    """What users name. Raises OSError for what has no end, such as /dev/zero."""
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise OSError(errno.EFBIG, f"it has more than {LARGEST_FILE // 1_000_000} MB", str(path))
    return content


def read_dotenv(path: Path) -> dict[str, str]:
    """The `NAME=value` lines that docker compose reads too, quotes taken off, empty values left out."""
    try:
        lines = read_bounded(path).decode("utf-8-sig").splitlines()
    except OSError:
        return {}
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is no text in UTF-8: byte {error.start} is {error.object[error.start]:#x}",
            hint="save it as UTF-8, with NAME=value lines as in .env.example",
            exit_code=2,
        ) from error
    values = {}
    for line in lines:
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        value = value.strip()
        quoted = QUOTED.fullmatch(value)
        is_literal = quoted is not None and quoted[1] == "'"
        value = quoted[2] if quoted else value.partition(" #")[0].rstrip()
        changed = "$" in value or (quoted is not None and "\\" in value)
        if changed and not is_literal and name.strip().startswith(OURS):
            raise UserError(
                f"{path}: {name.strip()} has a $ or \\ in it, which docker compose would not take as it is",
                hint=f"put the value into single quotes: {name.strip()}='…'",
                exit_code=2,
            )
        if separator and value and not name.startswith("#"):
            values[name.strip()] = value
    return values
