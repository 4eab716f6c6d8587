"""What the two tiers trust each other by, made as a user makes it."""

import itertools
import subprocess
from collections.abc import Mapping

import pytest

from threemaps.settings import PROJECT

CERTIFICATES = PROJECT / "deploy" / "kubernetes" / "certificates" / "certificates.sh"

Secrets = Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    """The Secrets that certificates.sh says to make, and the vendors' keys."""
    folder = tmp_path_factory.mktemp("certificates")
    output = subprocess.run(["sh", CERTIFICATES, folder], capture_output=True, text=True, check=True).stdout
    secrets: dict[str, dict[str, str]] = {"vendors": {"honeycomb_api_key": "key"}}
    for line in output.replace("\\\n", "").splitlines():
        words = line.split()
        files = [word for before, word in itertools.pairwise(words) if before == "--from-file"]
        secrets[words[words.index("generic") + 1]] = {name: (folder / name).read_text() for name in files}
    return secrets
