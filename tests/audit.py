"""Looks for known vulnerabilities in what the lock pins: `make audit`. Says so where nobody could be asked.

pip-audit asks PyPI for each package, which a mirror of it seldom answers, and then OSV.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PIP_AUDIT = Path(".venv-audit/bin/pip-audit")
SERVICES = ("pypi", "osv")
CANNOT = 69  # as sysexits.h calls a service that is not there


def main(pip_audit: Path = PIP_AUDIT, lock: Path = Path("requirements.lock")) -> int:
    for service in SERVICES:
        packages = asked(pip_audit, lock, service)
        skipped = [one["name"] for one in packages if "skip_reason" in one]
        if len(skipped) < len(packages):
            found = list(vulnerable(packages))
            lines = [f"audit: {len(packages) - len(skipped)} packages looked at ({service})", *found]
            if skipped:
                lines.append(f"NOT looked at, since {service} does not know them: {', '.join(skipped)}")
            sys.stdout.write("\n  ".join(lines) + "\n")
            return 1 if found or skipped else 0
    sys.stderr.write(f"audit: NOTHING was looked at: {' and '.join(SERVICES)} gave no answer from here\n")
    return CANNOT


def asked(pip_audit: Path, lock: Path, service: str) -> list[Any]:
    """What is told of each package; nothing if the service cannot be reached."""
    options = ["--disable-pip", "--progress-spinner", "off", "--format", "json", "--requirement", str(lock)]
    command = [str(pip_audit), *options, "--vulnerability-service", service]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: list[Any] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return []
    return packages


def vulnerable(packages: list[Any]) -> Iterator[str]:
    for one in packages:
        for vulnerability in one.get("vulns", []):
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            yield f"{one['name']} {one['version']}: {vulnerability['id']}, mended in {fixed}"


if __name__ == "__main__":
    sys.exit(main())
