"""Signatures: AWS's own signer gets in, everybody else is refused as AWS refuses."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Serve
from tests.unit.standins.aws_shapes import aws_client
from threemaps.standins import aws, sigv4
from threemaps.standins.aws_errors import AwsError
from threemaps.standins.store import Store

KEYS = {"local": "local-secret"}
HOST = "127.0.0.1:8082"
TIME = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def sign(
    body: bytes = b"{}",
    *,
    url: str = f"http://{HOST}/",
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    secret: str = "local-secret",
    region: str = "us-east-1",
) -> dict[str, str]:
    """The headers of a request that botocore signed now."""
    prepared = AWSRequest(method, url, headers=dict(headers or {}), data=body)
    SigV4Auth(Credentials("local", secret), "logs", region).add_auth(prepared)
    return dict(prepared.headers.items())


def verify(
    body: bytes,
    headers: Mapping[str, str],
    *,
    now: datetime | None = None,
    service: str = "",
    **arguments: Any,
) -> None:
    options = {"base_url": f"http://{HOST}", "method": "POST", "path": "/"} | arguments
    with Flask(__name__).test_request_context(data=body, headers=dict(headers), **options):
        sigv4.verify(request, KEYS, now, region="us-east-1", service=service)


def test_a_signed_request_is_taken() -> None:
    verify(b"{}", sign(b"{}"))


@pytest.mark.parametrize(
    "query", ["a=1", "b=2&a=1", "a=2&a=1", "a", "a=%20x&b=%C3%BC", "a=%2B", "a=b%3Dc", "%2F=~-_.", "a=%FF"]
)
def test_a_query_is_part_of_what_is_signed(query: str) -> None:
    headers = sign(b"", url=f"http://{HOST}/?{query}", method="GET")
    verify(b"", headers, method="GET", path=f"/?{query}")
    with pytest.raises(AwsError, match="does not match"):
        verify(b"", headers, method="GET", path=f"/?{query}&more=1")


@pytest.mark.parametrize("path", ["/", "/a/b", "/a%20b", "/%C3%BC", "/a:b", "/service/X/operation/Y"])
def test_a_path_is_part_of_what_is_signed(path: str) -> None:
    headers = sign(b"x", url=f"http://{HOST}{path}")
    verify(b"x", headers, path=path)
    with pytest.raises(AwsError, match="does not match"):
        verify(b"x", headers, path=f"{path}z")


def test_a_body_is_part_of_what_is_signed_whatever_its_header_says() -> None:
    headers = sign(b"{}", headers={"X-Amz-Content-SHA256": hashlib.sha256(b"{}").hexdigest()})
    verify(b"{}", headers)
    with pytest.raises(AwsError, match="does not match"):
        verify(b'{"more": 1}', headers)


def test_a_payload_may_not_be_left_out_of_the_signature() -> None:
    """S3 takes such a call, and none of the services here."""

    class Unsigned(SigV4Auth):
        def payload(self, request: AWSRequest) -> str:
            return "UNSIGNED-PAYLOAD"

    prepared = AWSRequest("POST", f"http://{HOST}/", headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    Unsigned(Credentials("local", "local-secret"), "logs", "us-east-1").add_auth(prepared)
    with pytest.raises(AwsError, match="does not match"):
        verify(b"anything", dict(prepared.headers.items()))


@pytest.mark.parametrize(
    ("region", "service", "said"),
    [
        ("eu-west-1", "logs", "scoped to a valid region, not 'eu-west-1'"),
        ("us-east-1", "xray", "scoped to correct service: 'xray'"),
        (
            "eu-west-1",
            "xray",
            "not 'eu-west-1'. Credential should be scoped to correct service",
        ),
    ],
)
def test_a_signature_is_for_one_region_and_service(region: str, service: str, said: str) -> None:
    with pytest.raises(AwsError, match=said) as refused:
        verify(b"{}", sign(region=region), service=service)
    assert (refused.value.code, refused.value.status) == ("InvalidSignatureException", 403)


@pytest.mark.parametrize("name", ["X-Amz-Target", "x-amz-security-token", "X-Amz-Content-Sha256"])
def test_no_header_of_awss_own_is_added_after_signing(name: str) -> None:
    digest = hashlib.sha256(b"{}").hexdigest()
    with pytest.raises(AwsError, match=f"'{name.title()}' must be a 'SignedHeader'"):
        verify(b"{}", {**sign(), name: digest})
    verify(b"{}", {**sign(), "X-Amzn-Trace-Id": "Root=1-0-0", "User-Agent": "any", "Accept": "*/*"})
    verify(b"{}", sign(headers={name: digest}))


def test_spaces_in_headers_do_not_count() -> None:
    headers = sign(headers={"X-Amz-Target": "Logs_20140328.X  Y"})
    verify(b"{}", headers)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Authorization": ""}, "MissingAuthenticationTokenException"),
        ({"Authorization": "Basic bG9jYWw6"}, "IncompleteSignatureException"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=local"}, "IncompleteSignatureException"),
        ({"X-Amz-Date": ""}, "IncompleteSignatureException"),
        ({"X-Amz-Date": "yesterday"}, "IncompleteSignatureException"),
        ({"X-Amz-Date": "20010101T000000Z"}, "InvalidSignatureException"),
        ({"Host": "elsewhere"}, "InvalidSignatureException"),
    ],
)
def test_what_is_not_signed_well_is_refused(change: dict[str, str], code: str) -> None:
    with pytest.raises(AwsError) as refused:
        verify(b"{}", {**sign(), **change})
    assert (refused.value.code, refused.value.status) == (code, 403)


@pytest.mark.parametrize(
    ("name", "said"), [("host", "'Host' or ':authority' must be"), ("x-amz-date", "'X-Amz-Date' must be")]
)
def test_the_headers_that_matter_have_to_be_signed(name: str, said: str) -> None:
    headers = sign()
    headers["Authorization"] = headers["Authorization"].replace(name, "accept")
    with pytest.raises(AwsError, match=said):
        verify(b"{}", headers)


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(-4.9, None), (4.9, None), (5.1, "Signature expired"), (-5.1, "Signature not yet current")],
)
def test_a_signature_lasts_five_minutes(minutes: float, said: str | None) -> None:
    headers = sign()
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    if said is None:
        verify(b"{}", headers, now=now)
    else:
        with pytest.raises(AwsError, match=said):
            verify(b"{}", headers, now=now)


@given(
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0")),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0")),
)
def test_no_header_is_too_odd_to_be_refused(authorization: str, stamp: str) -> None:
    prefix = "AWS4-HMAC-SHA256 Credential=local/20260304/us-east-1/logs/aws4_request"
    signature = f"{prefix}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    for header in (authorization, prefix + authorization, signature + authorization, signature):
        with pytest.raises(AwsError):
            verify(b"{}", {"Authorization": header, "X-Amz-Date": stamp}, now=TIME)


CALLS = {
    "logs": ("describe_log_groups", {}),
    "cloudwatch": ("list_metrics", {}),
    "xray": ("get_groups", {}),
    "sts": ("get_caller_identity", {}),
}
CODES = {
    "aws_secret_access_key": {
        "logs": "InvalidSignatureException",
        "cloudwatch": "SignatureDoesNotMatch",
        "xray": "InvalidSignatureException",
        "sts": "SignatureDoesNotMatch",
    },
    "aws_access_key_id": {
        "logs": "UnrecognizedClientException",
        "cloudwatch": "InvalidClientTokenId",
        "xray": "UnrecognizedClientException",
        "sts": "InvalidClientTokenId",
    },
}


@pytest.fixture
def url(serve: Serve) -> str:
    return serve(aws.create_app(Store(":memory:", aws.SCHEMA)))


@pytest.mark.parametrize("service", CALLS)
def test_every_service_takes_the_local_key_pair(url: str, service: str) -> None:
    operation, arguments = CALLS[service]
    answer = getattr(aws_client(service, url), operation)(**arguments)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("wrong", CODES)
def test_every_service_refuses_others_in_its_own_words(url: str, service: str, wrong: str) -> None:
    operation, arguments = CALLS[service]
    client = aws_client(service, url, **{wrong: "another"})
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)(**arguments)
    assert refused.value.response["Error"]["Code"] == CODES[wrong][service]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("wrong", ["service", "region"])
def test_every_service_refuses_what_is_signed_for_another(url: str, service: str, wrong: str) -> None:
    operation, arguments = CALLS[service]
    client = aws_client(service, url)
    scope = {"service": ("signing_name", "s3"), "region": ("region", "eu-west-1")}[wrong]

    def elsewhere(request: AWSRequest, **_: Any) -> None:
        request.context["signing"] = {**request.context.get("signing", {}), scope[0]: scope[1]}

    client.meta.events.register("before-sign", elsewhere)
    with pytest.raises(ClientError, match="scoped to") as refused:
        getattr(client, operation)(**arguments)
    assert refused.value.response["Error"]["Code"] == CODES["aws_secret_access_key"][service]


@pytest.mark.parametrize("service", ["xray", "logs", "monitoring"])
@pytest.mark.parametrize("wrong", ["service", "region", "body", "header", "none"])
def test_otlp_is_refused_as_protobuf(url: str, service: str, wrong: str) -> None:
    path = {"xray": "traces", "logs": "logs", "monitoring": "metrics"}[service]
    headers = {"Content-Type": "application/x-protobuf"}
    headers |= {"x-aws-log-group": "none", "x-aws-log-stream": "none"} if service == "logs" else {}
    signed = AWSRequest("POST", f"{url}/v1/{path}", headers=headers, data=b"")
    scope = ("s3" if wrong == "service" else service, "eu-west-1" if wrong == "region" else "us-east-1")
    SigV4Auth(Credentials("local", "local-secret"), *scope).add_auth(signed)
    sent = {**dict(signed.headers.items()), **({"X-Amz-More": "x"} if wrong == "header" else {})}
    body = b"x" if wrong == "body" else b""
    answer = requests.post(f"{url}/v1/{path}", data=body, headers=sent, timeout=10)
    assert answer.headers["Content-Type"] == "application/x-protobuf"
    assert (answer.status_code == 403) == (wrong != "none")
    said = {"service": b"correct service", "region": b"valid region", "body": b"does not match"}
    assert said.get(wrong, b"'X-Amz-More' must be" if wrong == "header" else b"") in answer.content


def test_a_request_without_a_signature_is_refused(url: str) -> None:
    answer = requests.post(
        url, json={}, headers={"X-Amz-Target": "Logs_20140328.DescribeLogGroups"}, timeout=5
    )
    assert answer.status_code == 403
    assert answer.json()["__type"] == "MissingAuthenticationTokenException"


def test_the_caller_is_told_who_it_is(url: str) -> None:
    told = aws_client("sts", url).get_caller_identity()
    assert (told["Account"], told["Arn"]) == ("000000000000", "arn:aws:iam::000000000000:user/local")
