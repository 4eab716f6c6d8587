"""Which account is read: the demo's stand-ins, or the user's own."""

from collections.abc import Sequence
from dataclasses import replace

import botocore.session
from botocore.exceptions import BotoCoreError

from threemaps.demo.processes import records
from threemaps.readers.honeycomb_login import Kept
from threemaps.settings import Settings

HONEYCOMB_READING_KEYS = ("HONEYCOMB_CONFIGURATION_KEY", "HONEYCOMB_MANAGEMENT_KEY")
AWS_SOURCES = ("xray", "cloudwatch")


def reading_settings(settings: Settings, named: Sequence[str]) -> tuple[Settings, list[str]]:
    """The settings to read with, and what the user has to know of them.

    THREEMAPS_BACKENDS has the say where it is set, and where the demo runs its stand-ins are read. With
    neither, a source that is named and that there are keys for is the user's own account: on a laptop, in CI.
    """
    if settings.get("THREEMAPS_BACKENDS") or demo_runs(settings):
        return settings, []
    notes = []
    real = replace(settings, honeycomb_is_real=True)
    may_read = any(map(settings.get, HONEYCOMB_READING_KEYS)) or Kept.of(real).is_there
    if "honeycomb" in named and may_read:
        settings = real
        notes.append(f"reading your Honeycomb account at {settings.honeycomb_api}")
    if any(source in named for source in AWS_SOURCES) and has_aws_keys(settings):
        settings = replace(settings, aws_is_real=True)
        where = f" at {settings.aws_endpoint}" if settings.aws_endpoint else ""
        notes.append(f"reading your AWS account in {settings.aws_region}{where}")
    return settings, notes


def demo_runs(settings: Settings) -> bool:
    """Something that `threemaps up` started is alive; in a container, addresses name what is."""
    if settings.get("THREEMAPS_URL_AWS") or settings.get("THREEMAPS_URL_HONEYCOMB"):
        return True
    return any(process.alive for process in records(settings).load().values())


def has_aws_keys(settings: Settings) -> bool:
    """Keys in the environment, `.env`, a profile or a login; a machine's role is not asked for."""
    if settings.get("AWS_ACCESS_KEY_ID") and settings.get("AWS_SECRET_ACCESS_KEY"):
        return True
    session = botocore.session.Session(profile=settings.get("AWS_PROFILE") or None)
    try:
        chain = session.get_component("credential_provider")
        chain.remove("iam-role")
        return chain.load_credentials() is not None
    except BotoCoreError:
        return False
