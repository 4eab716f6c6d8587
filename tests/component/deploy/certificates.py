"""What the two tiers trust each other by, made as a user makes it: the value files of both."""

import subprocess
from pathlib import Path

from threemaps.settings import PROJECT

SCRIPT = PROJECT / "deploy" / "kubernetes" / "certificates" / "certificates.sh"
NAME = "gateway"
MADE = {
    "gateway_ca.pem": "ca.crt",
    "gateway_cert.pem": "tls.crt",
    "gateway_key.pem": "tls.key",
    "gateway_token": "token",
    "gateway_tokens": "tokens",
}


def certificates(folder: Path) -> dict[str, str]:
    subprocess.run(["sh", SCRIPT, folder], capture_output=True, check=True)
    return {value: (folder / made).read_text() for value, made in MADE.items()}
