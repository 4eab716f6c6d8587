"""The one door of the local AWS."""

import gc
import io
import weakref
from collections.abc import Iterator

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.test import create_environ, run_wsgi_app

from tests.conftest import Serve
from tests.unit.readers.conftest import settings_at
from threemaps.readers.aws import aws_client
from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY
from threemaps.standins import aws
from threemaps.standins.store import Store


@pytest.fixture
def app() -> Iterator[aws.Aws]:
    store = Store(":memory:", aws.SCHEMA)
    yield aws.create_app(store)
    store.close()


def test_a_request_is_gone_with_its_answer_and_does_not_wait_for_the_garbage_collection(app: aws.Aws) -> None:
    body = io.BytesIO(b'{"TraceSegmentDocuments": []}')
    watched = weakref.ref(body)
    gc.disable()
    try:
        run_wsgi_app(app, create_environ("/TraceSegments", method="POST", input_stream=body), buffered=True)
        del body
        assert watched() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/healthz", "200"), ("PUT", "/", "405"), ("POST", "/", "403"), ("GET", "/nothing", "403")],
)
def test_what_is_asked_without_keys(app: aws.Aws, method: str, path: str, status: str) -> None:
    _, told, headers = run_wsgi_app(app, create_environ(path, method=method), buffered=True)
    assert told.startswith(status)
    assert status == "200" or headers["x-amzn-ErrorType"]


def test_what_nobody_expected_is_an_error_of_ours_and_told_in_the_log(
    app: aws.Aws, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(aws.sigv4, "verify", lambda *_, **__: 1 / 0)
    body, status, headers = run_wsgi_app(app, create_environ("/", method="POST"), buffered=True)
    assert status.startswith("500")
    assert headers["x-amzn-ErrorType"] == "InternalFailure"
    assert b"division" not in b"".join(body)
    assert "ZeroDivisionError" in caplog.text


def test_a_reset_leaves_nothing(serve: Serve) -> None:
    store = Store(":memory:", aws.SCHEMA)
    url = serve(aws.create_app(store))
    settings = settings_at(url)
    logs, xray = aws_client(settings, "logs"), aws_client(settings, "xray")
    assert requests.post(f"{url}/reset", timeout=10).status_code == 403
    for _ in range(2):
        logs.create_log_group(logGroupName="shop")
        xray.create_group(GroupName="shop", FilterExpression="fault")
        assert len(logs.describe_log_groups()["logGroups"]) == 1
        signed = AWSRequest("POST", f"{url}/reset", data=b"")
        keys = Credentials(LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY)
        SigV4Auth(keys, "xray", settings.aws_region).add_auth(signed)
        assert requests.post(f"{url}/reset", headers=dict(signed.headers), timeout=10).status_code == 204
        assert logs.describe_log_groups()["logGroups"] == []
        assert [one["GroupName"] for one in xray.get_groups()["Groups"]] == ["Default"]
    assert [one["SamplingRule"]["RuleName"] for one in xray.get_sampling_rules()["SamplingRuleRecords"]]
    store.close()
