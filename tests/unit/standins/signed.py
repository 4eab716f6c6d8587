"""Calls of the local AWS that no client library makes, signed as the collector signs them."""

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_REGION, LOCAL_AWS_SECRET_ACCESS_KEY

PROTOBUF = "application/x-protobuf"
KEYS = Credentials(LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY)


def call(method: str, address: str, service: str, body: bytes = b"", **headers: str) -> requests.Response:
    request = AWSRequest(method, address, data=body, headers=headers)
    SigV4Auth(KEYS, service, LOCAL_AWS_REGION).add_auth(request)
    return requests.request(method, address, data=body, headers=dict(request.headers), timeout=30)


def post(address: str, service: str, body: bytes, **headers: str) -> requests.Response:
    """An OTLP message; the headers' underscores stand for dashes."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return call("POST", address, service, body, **{"Content-Type": PROTOBUF} | told)


def reason(answer: requests.Response) -> str:
    """The message of a google.rpc.Status, which is its field 2: a tag, a length of one or two bytes, text."""
    if answer.headers["Content-Type"] != PROTOBUF:
        return str(answer.json()["message"])
    assert answer.content[:1] == b"\x12"
    return answer.content[3 if answer.content[1] > 127 else 2 :].decode()
