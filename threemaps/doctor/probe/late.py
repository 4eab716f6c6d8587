"""The probe in a process that runs already: what was made before it came is looked for among all objects."""

from __future__ import annotations

import gc
import sys

from . import begin, channel, exporting, imports, sdk, web

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any


def start(address: str) -> None:
    """The code that runs at this moment made none of it, so no fact has a place."""
    imports.is_late = True
    try:
        begin(address)
        for provider in objects("opentelemetry.sdk.trace", "TracerProvider"):
            provider_found(provider)
        for app in objects("flask", "Flask"):
            web.app_made((app,), {}, None, None)
    finally:
        imports.is_late = False


def objects(module: str, name: str) -> Any:
    kind = getattr(sys.modules.get(module), name, None)
    return [one for one in gc.get_objects() if isinstance(one, kind)] if kind else []


def provider_found(provider: Any) -> None:
    for processor in sdk.processors_below(provider):
        exporter = getattr(processor, "span_exporter", None)
        if exporter is not None:
            exporting.processor_made(type(processor).__name__, None, (processor, exporter), {}, None, None)
    sdk.provider_made((provider,), {}, None, None)
    if sys.modules["opentelemetry.trace"].get_tracer_provider() is provider:
        channel.report("global", provider=channel.number_of(provider), accepted=True, place=None)
