"""`threemaps up`."""

from importlib.util import find_spec

import click

from threemaps.errors import UserError
from threemaps.settings import Settings

# One of each extra that `demo` in pyproject.toml names.
DEMO_MODULES = ("duckdb", "flask", "gunicorn")


@click.command()
@click.option(
    "--tracing",
    default="otel",
    show_default=True,
    metavar="MODE",
    help="How the services are traced: otel, xray-sdk, or a default and exceptions.",
)
def command(tracing: str) -> None:
    """Start everything in the background and wait until it is healthy.

    What already runs with these settings is left alone. On a failure, or Ctrl-C, nothing is left running.

    \b
    Examples:
      threemaps up
      threemaps up --tracing xray-sdk              the X-Ray SDK instead of OpenTelemetry
      threemaps up --tracing otel,users=xray-sdk   half way through a migration
      THREEMAPS_BACKENDS=honeycomb threemaps up    Honeycomb is real, AWS a stand-in
    """
    start_system(Settings.load(), tracing)


def start_system(settings: Settings, tracing: str = "otel") -> None:
    """Starts stand-ins, collector, services, page and guard; shared with `threemaps demo`."""
    from threemaps.account.log_group import make_log_group
    from threemaps.basics.progress import say
    from threemaps.demo import lifecycle, system
    from threemaps.demo.collector import collector_binary
    from threemaps.demo.resolved import write_resolved

    require_the_demo()
    modes = system.parse_tracing(tracing)
    binary = collector_binary(say)
    with lifecycle.exclusively(settings, say):
        write_resolved(settings)
        for line in what_is_missing(settings):
            say(line)
        say(f"Starting in {settings.state}")
        specs = [
            *system.local_specs(settings),
            system.collector_spec(settings, binary),
            *system.service_specs(settings, modes),
            system.web_spec(settings),
            system.guard_spec(settings, binary),
        ]
        lifecycle.bring_up(settings, specs, say)
        make_log_group(settings)


def require_the_demo() -> None:
    """Raises UserError where threemaps was installed without what it starts."""
    missing = [module for module in DEMO_MODULES if find_spec(module) is None]
    if missing:
        raise UserError(
            f"the demo's packages are not installed ({', '.join(missing)})",
            hint="install them: pip install 'threemaps[demo]'",
        )


def what_is_missing(settings: Settings) -> list[str]:
    """AWS's keys may come from a profile or a role: only AWS knows whether they do."""
    if not settings.honeycomb_is_real or settings.get("HONEYCOMB_API_KEY"):
        return []
    return [
        "HONEYCOMB_API_KEY is not set: what goes to Honeycomb waits until it is",
        "  → export HONEYCOMB_API_KEY=YOUR_INGEST_KEY && threemaps up",
    ]
