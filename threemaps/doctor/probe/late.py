"""The probe in a process that runs already: what was made before it came is looked for among all objects."""

from __future__ import annotations

import gc
import sys

from . import begin, channel, imports, sdk, web

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any

PROCESSORS = ("BatchSpanProcessor", "SimpleSpanProcessor")
DEPTH = 4  # a provider has a processor that has the processors


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
    sdk.provider_made((provider,), {}, None, None)
    if sys.modules["opentelemetry.trace"].get_tracer_provider() is provider:
        channel.tell("global", provider=channel.number_of(provider), accepted=True, place=None)
    for processor in below(provider):
        exporter = getattr(processor, "span_exporter", None)
        if exporter is not None:
            sdk.processor_made(type(processor).__name__, None, (processor, exporter), {}, None, None)
            sdk.processor_added((provider, processor), {}, None, None)


def below(provider: Any) -> Any:
    """The processors that a provider refers to, through whatever holds them."""
    kinds = tuple(getattr(sys.modules["opentelemetry.sdk.trace.export"], name) for name in PROCESSORS)
    seen, level = {id(provider)}, [provider]
    for _ in range(DEPTH):
        level = [one for one in gc.get_referents(*level) if id(one) not in seen and not isinstance(one, type)]
        seen.update(map(id, level))
        yield from {id(one): one for one in level if isinstance(one, kinds)}.values()
