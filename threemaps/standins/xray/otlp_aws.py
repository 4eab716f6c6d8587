"""The `aws` block and the origin of a segment, from the attributes of a resource and of a call. Pure.

As the exporter `awsxray` makes them, in opentelemetry-collector-contrib 0.152.0.
"""

from typing import Any

from threemaps.standins.spans.span import Attributes
from threemaps.standins.xray.entities import Entity
from threemaps.standins.xray.otlp_values import present, text

AWS = {
    "aws.operation": "operation",
    "rpc.method": "operation",
    "aws.account_id": "account_id",
    "aws.region": "region",
    "aws.request_id": "request_id",
    "aws.requestId": "request_id",
    "aws.queue_url": "queue_url",
    "aws.queue.url": "queue_url",
    "aws.table_name": "table_name",
    "aws.table.name": "table_name",
}
AWS_CALL = frozenset((*AWS.values(), "table_names"))

ORIGINS = {
    "aws_app_runner": "AWS::AppRunner::Service",
    "aws_eks": "AWS::EKS::Container",
    "aws_elastic_beanstalk": "AWS::ElasticBeanstalk::Environment",
    "aws_ecs": "AWS::ECS::Container",
    "aws_ec2": "AWS::EC2::Instance",
}
ECS_ORIGINS = {"ec2": "AWS::ECS::EC2", "fargate": "AWS::ECS::Fargate"}
ECS_NAMES = ("task_arn", "task_family", "cluster_arn", "container_arn")


def origin_of(resource: Attributes) -> str:
    if resource.get("cloud.provider", "aws") != "aws":
        return ""
    found = ORIGINS.get(text(resource.get("cloud.platform")), "")
    launched = text(resource.get("aws.ecs.launchtype"))
    return ECS_ORIGINS.get(launched, found) if found == ORIGINS["aws_ecs"] else found


def resource_aws_block(resource: Attributes) -> Entity | None:
    """Where a service runs, and what made its spans; nothing for another cloud's."""
    if text(resource.get("cloud.provider")) not in ("", "aws"):
        return None
    sdk, language = (text(resource.get(f"telemetry.sdk.{name}")) for name in ("name", "language"))
    auto = text(resource.get("telemetry.auto.version")) or text(resource.get("telemetry.distro.version"))
    return present(
        account_id=text(resource.get("cloud.account.id")),
        cloudwatch_logs=_log_groups(resource),
        **_places(resource),
        xray=present(
            sdk=f"{sdk} for {language}" if sdk and language else sdk,
            sdk_version=text(resource.get("telemetry.sdk.version")),
            auto_instrumentation=bool(auto),
        ),
    )


def _places(resource: Attributes) -> Entity:
    def of(**names: str) -> Entity:
        return present(**{key: text(resource.get(name)) for key, name in names.items()})

    platform, places = text(resource.get("cloud.platform")), {}
    zone = "cloud.availability_zone"
    if platform == "aws_ec2" or text(resource.get("host.id")):
        places["ec2"] = of(
            instance_id="host.id", availability_zone=zone, instance_size="host.type", ami_id="host.image.id"
        )
    if platform == "aws_ecs":
        ecs = {name: f"aws.ecs.{name.replace('_', '.')}" for name in ECS_NAMES}
        places["ecs"] = of(
            container="container.name", container_id="container.id", availability_zone=zone, **ecs
        )
        places["ecs"] |= of(launch_type="aws.ecs.launchtype")
    number = text(resource.get("service.instance.id"))
    if platform == "aws_elastic_beanstalk" and number:
        places["elastic_beanstalk"] = of(
            environment_name="service.namespace", version_label="service.version"
        )
        places["elastic_beanstalk"]["deployment_id"] = int(number) if number.isdecimal() else 0
    if platform == "aws_eks" or text(resource.get("k8s.cluster.name")):
        places["eks"] = of(cluster_name="k8s.cluster.name", pod="k8s.pod.name", container_id="container.id")
    return places


def _log_groups(resource: Attributes) -> list[Entity]:
    if arns := _texts(resource.get("aws.log.group.arns")):
        return [{"log_group": arn.split(":")[6] if arn.count(":") > 5 else arn, "arn": arn} for arn in arns]
    return [{"log_group": name} for name in _texts(resource.get("aws.log.group.names"))]


def _texts(value: Any) -> list[str]:
    """A list, or a text in which `&` stands between its items."""
    if isinstance(value, str):
        return [item for item in value.split("&") if item]
    return [text(item) for item in value] if isinstance(value, list) else []


def aws_block(attributes: Attributes, of_resource: Entity | None) -> Entity | None:
    """What is said of a call, over what is said of who makes it."""
    if of_resource is None:
        return None
    call = {AWS[name]: text(value) for name, value in attributes.items() if name in AWS}
    if "aws.operation" in attributes:
        call["operation"] = text(attributes["aws.operation"])
    if "messaging.url" in attributes:
        call["queue_url"] = text(attributes["messaging.url"])
    return {**of_resource, **present(**{**call, **_tables(attributes.get("aws.dynamodb.table_names"))})}


def _tables(value: Any) -> Entity:
    if isinstance(value, list) and len(value) > 1:
        return {"table_name": "", "table_names": [text(one) for one in value]}
    if isinstance(value, list):
        value = value[0] if value else None
    return {"table_name": value} if isinstance(value, str) else {}
