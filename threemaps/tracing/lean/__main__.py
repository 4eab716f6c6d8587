"""`python -m threemaps.tracing.lean gunicorn …`: `opentelemetry-instrument` with leaner spans.

It reaches into OpenTelemetry's packages, so it is used only with the versions that it was written for. With
any other, OpenTelemetry's own instrumentation does the work, and a line in the log says so.
"""

import logging
import os
from importlib.metadata import PackageNotFoundError, version

from opentelemetry.instrumentation.auto_instrumentation import initialize

from threemaps.tracing.program import run

# Package → the versions that this was written for, by how they begin.
WRITTEN_FOR = {
    "opentelemetry-sdk": "1.45.",
    "opentelemetry-exporter-otlp-proto-http": "1.45.",
    "opentelemetry-instrumentation": "0.66b",
    "opentelemetry-instrumentation-logging": "0.66b",
}
DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
REPLACED = "flask,requests"


def set_up() -> None:
    """Traces this process."""
    reason = misfit()
    if reason:
        logging.getLogger("threemaps.tracing.lean").warning(
            "%s: OpenTelemetry's own instrumentation is used", reason
        )
        initialize()
        return
    from threemaps.tracing.lean.instrument import instrument

    os.environ[DISABLED] = ",".join(filter(None, (os.environ.get(DISABLED), REPLACED)))
    initialize()
    instrument()


def misfit() -> str:
    """Why the lean instrumentation cannot be used here; empty where it can."""
    for package, expected in WRITTEN_FOR.items():
        try:
            found = version(package)
        except PackageNotFoundError:
            return f"{package} is not installed"
        if not found.startswith(expected):
            return f"THREEMAPS_INSTRUMENTATION=lean needs {package} {expected}*, and {found} is installed"
    return ""


if __name__ == "__main__":
    run(set_up, "threemaps.tracing.lean")
