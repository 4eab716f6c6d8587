"""Variables of the launcher: the families that were known before the probe."""

from collections.abc import Iterator

from tests.component.doctor.breakages.case import PLAIN, Case

RIGHT = "opentelemetry-instrument python app.py"
GRPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def launched(name: str, says: str, command: str = RIGHT, quick: bool = False, **variables: str) -> Case:
    return Case(name, says, PLAIN, command, variables, quick=quick)


def each(says: str, *pairs: tuple[str, str]) -> Iterator[Case]:
    for name, value in pairs:
        yield launched(f"{name}={value}", says, **{name: value})


CASES = [
    launched(
        "misspelled variable",
        "OTEL_EXPORTER_OLTP_ENDPOINT is read by nobody",
        OTEL_EXPORTER_OTLP_ENDPOINT="",
        OTEL_EXPORTER_OLTP_ENDPOINT="HTTP",
        quick=True,
    ),
    launched("disabled", "OTEL_SDK_DISABLED", OTEL_SDK_DISABLED="true"),
    launched("exporter none", "OTEL_TRACES_EXPORTER=none", OTEL_TRACES_EXPORTER="none"),
    launched(
        "exporter by flag",
        "console",
        command="opentelemetry-instrument --traces_exporter console python app.py",
    ),
    launched("unknown exporter", "jaeger", OTEL_TRACES_EXPORTER="jaeger"),
    launched("sampler off", "always_off", OTEL_TRACES_SAMPLER="always_off"),
    launched("sampled to nothing", "0", OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0"),
    launched("instrumentation off", "flask", OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="flask"),
    launched("gRPC to an HTTP port", "speaks http/protobuf", OTEL_EXPORTER_OTLP_PROTOCOL="grpc"),
    launched("HTTP to a gRPC port", "speaks grpc", OTEL_EXPORTER_OTLP_ENDPOINT="GRPC"),
    launched("unknown protocol", "http/json", OTEL_EXPORTER_OTLP_PROTOCOL="http/json"),
    launched("no scheme", "lacks its scheme", OTEL_EXPORTER_OTLP_ENDPOINT="HTTP_BARE"),
    launched("quotes", "quotes in its value", OTEL_EXPORTER_OTLP_ENDPOINT='"HTTP"'),
    launched("no propagators named", "b3", OTEL_PROPAGATORS="b3,baggage"),
    launched("unknown distro", "aws_distro", OTEL_PYTHON_DISTRO="aws_distro"),
    launched("all excluded", "exclude", OTEL_PYTHON_FLASK_EXCLUDED_URLS="healthz,/"),
    launched("excluded by no pattern", "OTEL_PYTHON_EXCLUDED_URLS", OTEL_PYTHON_EXCLUDED_URLS="*"),
    launched("sent in an hour", "3600 s", OTEL_BSP_SCHEDULE_DELAY="3600000"),
    launched("sent without a pause", "OTEL_BSP_SCHEDULE_DELAY", OTEL_BSP_SCHEDULE_DELAY="0"),
    launched("gRPC without scheme", "no TLS", **{**GRPC, ENDPOINT: "GRPC_BARE"}),
    launched(
        "TLS by a variable", "no TLS", **{**GRPC, ENDPOINT: "GRPC", "OTEL_EXPORTER_OTLP_INSECURE": "false"}
    ),
    launched("protocol for traces", "speaks http", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="grpc"),
    launched("protocol of the exporter", "speaks http", OTEL_TRACES_EXPORTER="otlp_proto_grpc"),
    launched("a proxy in between", "proxy", http_proxy="http://127.0.0.1:CLOSED", **{ENDPOINT: "HTTP"}),
    *each("OTEL_BSP_MAX_QUEUE_SIZE", ("OTEL_BSP_MAX_QUEUE_SIZE", "0"), ("OTEL_BSP_MAX_QUEUE_SIZE", "10")),
    *each("OTEL_EXPORTER_OTLP_TIMEOUT", ("OTEL_EXPORTER_OTLP_TIMEOUT", "0")),
    Case(
        "an env file that nobody loads",
        "OTEL_SERVICE_NAME stands in .env",
        PLAIN,
        RIGHT,
        {"OTEL_SERVICE_NAME": ""},
        {".env": "OTEL_SERVICE_NAME=shop\n"},
    ),
]
