"""What X-Ray reads out of a segment or subsegment: whether it failed, and which resource it called. Pure."""

from typing import Any

Entity = dict[str, Any]

ERROR, THROTTLE, FAULT = 1, 2, 4

REMOTE = "remote"
SQL = "Database::SQL"

# SDKs name the subsegment of an AWS call after the client, in whatever case the client has.
AWS_NAMES = {
    name.lower(): name
    for name in ("DynamoDB", "Kinesis", "Lambda", "S3", "SecretsManager", "SNS", "SQS", "SSM", "STS")
}

# A resource that the subsegment of an AWS call names → its type.
AWS_RESOURCES = (
    ("table_name", "AWS::DynamoDB::Table"),
    ("table_names", "AWS::DynamoDB::Table"),
    ("queue_url", "AWS::SQS::Queue"),
    ("bucket_name", "AWS::S3::Bucket"),
    ("function_name", "AWS::Lambda::Function"),
)


def text_of(entity: Entity, key: str) -> str | None:
    """A text that says something; clients send an empty one for none."""
    value = entity.get(key)
    return value if isinstance(value, str) and value else None


def object_of(entity: Entity, key: str) -> Entity:
    value = entity.get(key)
    return value if isinstance(value, dict) else {}


def status_of(entity: Entity) -> int | None:
    status = object_of(object_of(entity, "http"), "response").get("status")
    return status if type(status) is int else None


def flags_of(entity: Entity) -> int:
    """The error fields as they are sent; where one is missing, the status says it."""
    error, throttle, fault = entity.get("error"), entity.get("throttle"), entity.get("fault")
    if error is None or throttle is None or fault is None:
        status = status_of(entity) or 0
        error = 400 <= status < 500 if error is None else error
        throttle = status == 429 if throttle is None else throttle
        fault = 500 <= status < 600 if fault is None else fault
    return ERROR * (error is True) | THROTTLE * (throttle is True) | FAULT * (fault is True)


def resource_of(subsegment: Entity) -> tuple[str | None, str | None]:
    """Name and type of the node that a subsegment calls; none for work inside the service."""
    namespace = subsegment.get("namespace")
    name: str = subsegment["name"]
    if namespace == "aws":
        return _aws_resource(subsegment, name)
    if namespace != REMOTE:
        return None, None
    return name, SQL if isinstance(subsegment.get("sql"), dict) else REMOTE


def _aws_resource(subsegment: Entity, name: str) -> tuple[str, str]:
    aws = object_of(subsegment, "aws")
    for key, kind in AWS_RESOURCES:
        value = aws.get(key)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str) and value:
            return value.rstrip("/").rpartition("/")[2] if key == "queue_url" else value, kind
    return name, f"AWS::{AWS_NAMES.get(name.lower(), name)}"
