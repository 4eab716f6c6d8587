"""`threemaps down`."""

import click

from threemaps.settings import Settings


@click.command()
def command() -> None:
    """Stop everything that `threemaps up` started. Data, logs and queues stay.

    \b
    Examples:
      threemaps down
      threemaps down && rm -r .threemaps    forget everything
    """
    from threemaps.basics.progress import say
    from threemaps.demo import lifecycle
    from threemaps.demo.processes import known

    settings = Settings.load()
    if not settings.run.exists() and not known(settings):
        click.echo("Nothing runs.")
        return
    with lifecycle.exclusively(settings, say):
        stopped = lifecycle.bring_down(settings, say)
    say(f"{stopped} processes stopped." if stopped else "Nothing runs.")
