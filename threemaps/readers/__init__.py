"""Reading a service map back, each backend through its vendor's public API, behind one small interface."""

from threemaps.errors import UserError
from threemaps.readers.base import Backend, SilentError, UnreadableError
from threemaps.settings import Settings

BACKENDS = ("honeycomb", "xray", "cloudwatch")

__all__ = ["BACKENDS", "Backend", "SilentError", "UnreadableError", "open_backend"]


def open_backend(source: str, settings: Settings) -> Backend:
    """The backend of this name, else the snapshot in the file of this name. Nothing is read yet."""
    if source == "honeycomb":
        from threemaps.readers.honeycomb import Honeycomb

        return Honeycomb.of(settings)
    if source == "xray":
        from threemaps.readers.xray import XRay

        return XRay.of(settings)
    if source == "cloudwatch":
        from threemaps.readers.cloudwatch import CloudWatch

        return CloudWatch.of(settings)
    if not source.strip():
        raise UserError("a source has no name", hint=f"use {', '.join(BACKENDS)} or a file", exit_code=2)
    from threemaps.readers.snapshot import Snapshot

    return Snapshot.of(source)
