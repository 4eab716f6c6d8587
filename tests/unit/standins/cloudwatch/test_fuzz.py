"""Wrong types for every member of every operation, and bodies that are none: refused, not a server error."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import serving
from threemaps.standins import aws, cbor
from threemaps.standins.cloudwatch.urls import LOGS_TARGET, METRICS_PATH, METRICS_TARGET
from threemaps.standins.store import Store

LOGS = (
    "CreateLogGroup DeleteLogGroup DescribeLogGroups CreateLogStream DeleteLogStream DescribeLogStreams "
    "PutRetentionPolicy DeleteRetentionPolicy TagResource UntagResource ListTagsForResource PutLogEvents "
    "GetLogEvents FilterLogEvents StartQuery GetQueryResults StopQuery DescribeQueries GetLogRecord"
)
METRICS = (
    "ListMetrics PutMetricData GetMetricData GetMetricStatistics PutDashboard GetDashboard ListDashboards "
    "DeleteDashboards"
)
OPERATIONS = [("logs", name) for name in LOGS.split()] + [("cloudwatch", name) for name in METRICS.split()]
TARGETS = {"logs": LOGS_TARGET, "cloudwatch": METRICS_TARGET}
TYPES = {"logs": "application/x-amz-json-1.1", "cloudwatch": "application/x-amz-json-1.0"}
WRONG: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2**31, 2**63 - 1, 2**63, 1e300, 0.5, "", "x", "\0", "ü" * 600, "9" * 5_000),
    *([], [None], [[]], {}, {"a": None}, [{}], {"\0": [1]}, "2026-01-01", "$.[", "{ $.a = 1 }"),
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    store = Store(":memory:", aws.SCHEMA)
    with serving() as serve:
        yield serve(aws.create_app(store))
    store.close()


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def send(session: requests.Session, url: str, body: bytes, headers: dict[str, str]) -> requests.Response:
    prepared = AWSRequest("POST", url, headers=headers, data=body)
    is_of_metrics = METRICS_PATH in url or METRICS_TARGET in headers.get("X-Amz-Target", "")
    service = "monitoring" if is_of_metrics else "logs"
    SigV4Auth(Credentials("local", "local-secret"), service, "us-east-1").add_auth(prepared)
    answer = session.post(url, data=body, headers=dict(prepared.headers.items()), timeout=30)
    assert answer.status_code < 500, (headers, body[:500], answer.text)
    assert answer.status_code != 403, answer.text
    return answer


def call(session: requests.Session, url: str, service: str, operation: str, body: bytes) -> requests.Response:
    headers = {"X-Amz-Target": TARGETS[service] + operation, "Content-Type": TYPES[service]}
    return send(session, f"{url}/", body, headers)


def shape_of(service: str, operation: str) -> Shape:
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    shape: Shape = model.operation_model(operation).input_shape
    return shape


def example(shape: Shape) -> Any:
    """A value of the right type."""
    if isinstance(shape, StructureShape):
        return {name: example(member) for name, member in shape.members.items()}
    if isinstance(shape, ListShape):
        return [example(shape.member)]
    if isinstance(shape, MapShape):
        return {"key": example(shape.value)}
    by_type = {"string": "text", "boolean": True, "double": 1.5, "float": 1.5, "timestamp": 1_700_000_000}
    allowed = getattr(shape, "enum", [])
    return allowed[0] if allowed else by_type.get(shape.type_name, 7)


def spoiled(shape: Shape, value: Any, wrong: Any) -> Iterator[Any]:
    """The value with one part after the other replaced by something else."""
    yield wrong
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield {key: item for key, item in value.items() if key != name}
            for part in spoiled(member, value[name], wrong):
                yield {**value, name: part}
    elif isinstance(shape, ListShape):
        yield from ([part] for part in spoiled(shape.member, value[0], wrong))
    elif isinstance(shape, MapShape):
        yield from ({"key": part} for part in spoiled(shape.value, value["key"], wrong))


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_wrong_type_anywhere_is_refused(
    session: requests.Session, url: str, service: str, operation: str, data: st.DataObject
) -> None:
    shape = shape_of(service, operation)
    value = example(shape)
    body = data.draw(st.sampled_from(list(spoiled(shape, value, data.draw(st.sampled_from(WRONG))))))
    call(session, url, service, operation, orjson.dumps(body))


BODIES = (
    *(b"{", b"[]", b"3", b'"x"', b"null", b"\xff", b"\0", b'{"a":' * 5_000, b"[" * 200_000),
    *(b'{"logGroupName": "\\ud800"}', b'{"limit": 1e999}', b'{"limit": 123456789012345678901234567890}'),
)


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_no_json_is_refused(session: requests.Session, url: str, body: bytes) -> None:
    for service, operation in (("logs", "PutLogEvents"), ("cloudwatch", "PutMetricData")):
        assert 400 <= call(session, url, service, operation, body).status_code < 500


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "br"])
def test_a_body_that_cannot_be_unpacked_is_refused(
    session: requests.Session, url: str, encoding: str
) -> None:
    headers = {"X-Amz-Target": f"{LOGS_TARGET}PutLogEvents", "Content-Encoding": encoding}
    assert 400 <= send(session, f"{url}/", b"\x1f\x8bnonsense", headers).status_code < 500


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=60))
def test_a_body_that_is_no_cbor_is_refused(session: requests.Session, url: str, body: bytes) -> None:
    answer = send(session, f"{url}{METRICS_PATH}ListMetrics", body, {"smithy-protocol": "rpc-v2-cbor"})
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert isinstance(cbor.decode(answer.content), dict)


@pytest.mark.parametrize(
    "body",
    [
        b"\x9b" + b"\xff" * 8,
        b"\xbb" + b"\xff" * 8,
        b"\x7b" + b"\xff" * 8,
        b"\x5b" + b"\xff" * 8,
        b"\x81" * 10_000,
        b"\xc1" * 10_000,
        b"\x9f" * 10_000,
        b"\xa1\xc1\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
        b"\xc1\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        b"\xbf\xff\xff",
    ],
)
def test_cbor_that_promises_too_much_is_refused(session: requests.Session, url: str, body: bytes) -> None:
    answer = send(session, f"{url}{METRICS_PATH}ListMetrics", body, {"smithy-protocol": "rpc-v2-cbor"})
    assert (answer.status_code, cbor.decode(answer.content)["__type"].partition("#")[2]) == (
        400,
        "SerializationException",
    )


CBOR = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(CBOR)
def test_cbor_comes_back_as_it_went(value: Any) -> None:
    assert cbor.decode(cbor.encode(value)) == value


@pytest.mark.parametrize("target", ["", "Logs_20140328.", "Logs_20140328.Nothing", "Other.PutLogEvents", "ü"])
def test_an_operation_that_is_not_there_is_refused(session: requests.Session, url: str, target: str) -> None:
    answer = send(session, f"{url}/", b"{}", {"X-Amz-Target": target.encode().decode("latin-1")})
    assert answer.status_code in (400, 404)
    assert answer.json()["__type"] == "UnknownOperationException"
