"""OTLP's requests, parsed with descriptors in which the attributes of spans and log records stay bytes.

Most of a span is attributes, and most attributes have been seen before: what reads them remembers what those
bytes mean.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2


def plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {entry.key: plain(entry.value) for entry in value.kvlist_value.values}
    return None if kind is None else getattr(value, kind)


def _with_raw_attributes(message: DescriptorProto) -> None:
    for field in message.field:
        if field.name == "attributes":
            field.type = FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")


def _build_pool() -> DescriptorPool:
    """OTLP's own descriptors, with `bytes` for the attributes of `Span` and `LogRecord`."""
    pool = DescriptorPool()
    for module in (common_pb2, resource_pb2, trace_pb2, logs_pb2, trace_service_pb2, logs_service_pb2):
        file = FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        for message in file.message_type:
            if message.name in ("Span", "LogRecord"):
                _with_raw_attributes(message)
        pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _build_pool()


def _message(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"opentelemetry.proto.collector.{name}"))


TraceRequest = _message("trace.v1.ExportTraceServiceRequest")
LogsRequest = _message("logs.v1.ExportLogsServiceRequest")
