"""OpenTelemetry's spans as X-Ray's segments. Pure: no I/O, no clock.

- What serves a request, takes a message or starts something in its process is a segment, named after its
  service. All else is a subsegment of what it hangs below.
- A call of another process has a namespace. Where it starts something itself (a script, a job), it is two: a
  segment for the service, and below it a subsegment for the call.
- A call is named after whom it calls: that is the node that is drawn where no segment comes from there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from threemaps.standins.http import is_deeper
from threemaps.standins.spans.extracted import IN_PROGRESS
from threemaps.standins.spans.ids import xray_trace_id
from threemaps.standins.spans.span import CONSUMER, Attributes, Link, Span, seconds_of
from threemaps.standins.xray.entities import Entity
from threemaps.standins.xray.nodes import starts_in
from threemaps.standins.xray.otlp_aws import AWS, AWS_CALL, aws_block, origin_of, resource_aws_block
from threemaps.standins.xray.otlp_names import (
    MESSAGES_AND_CALLS,
    REMOTE_SERVICE,
    REQUESTS_AND_MESSAGES,
    callee_of,
    name_of,
    namespace_of,
    service_name,
)
from threemaps.standins.xray.otlp_requests import HTTP, SQL, cause_block, flags, http_block, sql_block
from threemaps.standins.xray.otlp_values import made_id, present, text

ANNOTATIONS, METADATA = "aws.xray.annotations", "aws.xray.metadata."
USER = "enduser.id"
# Said of the call, not of the service that makes it.
OF_THE_CALL = frozenset((REMOTE_SERVICE, "aws.remote.operation", "remoteTarget", "K8s.RemoteNamespace"))
IN_BLOCKS = frozenset((*HTTP, *AWS, USER, ANNOTATIONS))
OF_THE_RESOURCE = "otel.resource."
DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Process:
    """What the spans of a process have in common."""

    attributes: Attributes
    service: str
    origin: str
    aws: Entity | None
    version: str

    @classmethod
    def of(cls, said: Attributes) -> "Process":
        version = said.get("service.version", said.get("container.image.tag"))
        service = text(said.get("service.name"))
        return cls(said, service, origin_of(said), resource_aws_block(said), text(version))


def segments_of(span: Span) -> Iterator[Entity]:
    """The documents that a span is in X-Ray: one, or two for a call that starts something."""
    process = Process.of(span.resource.attributes)
    starts = starts_in(span.kind, int(span.parent_id or "0", 16) or None, span.flags, said_kind(span))
    is_below = span.kind not in REQUESTS_AND_MESSAGES and not starts
    document = _document(span, process, starts=starts, is_below=is_below)
    if span.kind not in MESSAGES_AND_CALLS or not starts:
        yield document
        return
    call = _document(span, process, starts=starts, is_below=True)
    segment_id = made_id(span, "service")
    yield _of_the_service(span, document) | {
        "id": segment_id,
        "name": service_name(span.attributes, process.service),
    }
    yield _of_the_call(span, call) | {"parent_id": segment_id}


def said_kind(span: Span) -> str:
    return text(span.attributes.get("aws.span.kind"))


def _document(span: Span, process: Process, *, starts: bool, is_below: bool) -> Entity:
    attributes = {name: value for name, value in span.attributes.items() if name != IN_PROGRESS}
    sql = sql_block(attributes, span.name)
    return present(
        name=name_of(span.kind, starts, span.name, attributes, process.service),
        id=span.span_id,
        trace_id=xray_trace_id(span.trace_id),
        parent_id=span.parent_id,
        start_time=seconds_of(span.start_ns),
        end_time=None if span.end_ns is None else seconds_of(span.end_ns),
        in_progress=True if span.end_ns is None else None,
        type="subsegment" if is_below else None,
        namespace=namespace_of(span.kind, attributes) if is_below else None,
        **flags(attributes, span.status),
        cause=cause_block(span),
        origin=process.origin,
        user=text(attributes.get(USER)),
        http=http_block(attributes, span.kind),
        aws=aws_block(attributes, process.aws),
        service={"version": process.version} if process.version else None,
        sql=sql,
        links=[_link(link) for link in span.links],
        **_annotated(attributes, {} if is_below else process.attributes, has_sql=sql is not None),
    )


def _link(link: Link) -> Entity:
    return present(trace_id=xray_trace_id(link.trace_id), id=link.span_id, attributes=link.attributes)


def _of_the_service(span: Span, document: Entity) -> Entity:
    left_out = {"http"} if span.kind == CONSUMER else {"http", "links"}
    segment = {name: value for name, value in document.items() if name not in left_out}
    if "aws" in segment:
        segment["aws"] = {name: value for name, value in segment["aws"].items() if name not in AWS_CALL}
    if "annotations" in segment:
        said = segment["annotations"].items()
        segment["annotations"] = {name: value for name, value in said if name not in OF_THE_CALL}
    default = segment.pop("metadata", {}).get("default", {})
    about = {name: value for name, value in default.items() if name.startswith(OF_THE_RESOURCE)}
    return {**segment, "metadata": {"default": about}} if about else segment


def _of_the_call(span: Span, document: Entity) -> Entity:
    call = {"namespace": "remote", **document}
    if span.kind == CONSUMER:
        call.pop("links", None)
    if REMOTE_SERVICE in span.attributes:
        call["name"] = callee_of(span.attributes)
    return call


def _annotated(attributes: Attributes, resource: Attributes, *, has_sql: bool) -> Entity:
    """Annotations are what the span names as such; all else that stands in no block is metadata."""
    named = attributes.get(ANNOTATIONS)
    indexed = {one for one in named if isinstance(one, str)} if isinstance(named, list) else set()
    in_blocks = IN_BLOCKS.union(SQL) if has_sql else IN_BLOCKS
    said = {f"{OF_THE_RESOURCE}{name}": value for name, value in resource.items()}
    said |= {name: value for name, value in attributes.items() if name in indexed or name not in in_blocks}
    annotations: Entity = {}
    default: Entity = {}
    metadata: Entity = {}
    for name, value in said.items():
        if name in indexed and isinstance(value, str | bool | int | float):
            annotations[re.sub(r"[^0-9A-Za-z.]", "_", name)] = value
        elif name not in indexed and name.startswith(METADATA) and isinstance(value, str):
            _add_metadata(name, value, default, metadata)
        elif name not in indexed or name.startswith(OF_THE_RESOURCE):
            default[name] = value
    if default:
        metadata["default"] = default
    return present(annotations=annotations, metadata=metadata)


def _add_metadata(name: str, value: str, default: Entity, metadata: Entity) -> None:
    """What an X-Ray SDK kept in a namespace of its own, as JSON."""
    namespace = name.removeprefix(METADATA)
    try:
        inner = orjson.loads(value)
    except orjson.JSONDecodeError:
        inner = None
    if not isinstance(inner, dict) or is_deeper(inner, DEEPEST):
        default[name] = value
    elif namespace.lower() == "default":
        default.update(inner)
    else:
        metadata[namespace] = inner
