"""Somebody else's service: are the packages there that trace it, and do they go together?"""

import re

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.packages import Packages
from threemaps.doctor.subject import Subject

LINK = "service"
DISTRO = ("opentelemetry-distro", "opentelemetry-exporter-otlp")


def check_distro(subject: Subject) -> Check:
    """The SDK, and with the launcher a distro: without one it sets up nothing and says nothing."""
    packages = subject.packages
    if packages.trouble:
        detail = f"{subject.interpreter} cannot be asked: {packages.trouble}"
        return broken(LINK, "distro", detail, f"{subject.interpreter} -V")
    distros = packages.entry_points("opentelemetry_distro")
    if not distros:
        where = subject.interpreter or subject.root
        install = f"{subject.pip} {' '.join(DISTRO)}"
        return broken(LINK, "distro", f"opentelemetry-distro is not installed for {where}", install)
    name = next(iter(distros.values()))
    return good(LINK, "distro", f"{name} {packages.version(name)}")


def check_versions(subject: Subject) -> Check:
    """Instrumentations are released together and pin each other; a mixed set fails on import."""
    unmet = subject.packages.unmet()
    if unmet:
        upgrade = f"{subject.pip} --upgrade {' '.join(pinned(subject.packages))}"
        return broken(LINK, "versions", f"versions that do not go together: {unmet[0]}", upgrade)
    return good(LINK, "versions", "the OpenTelemetry packages go together")


def pinned(packages: Packages) -> list[str]:
    """The packages whose upgrade pulls all others along."""
    return [
        name
        for name in sorted(packages.found)
        if re.match(r"opentelemetry-(distro|instrumentation|exporter-otlp$)", name)
    ]
