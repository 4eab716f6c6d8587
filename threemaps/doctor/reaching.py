"""Somebody else's service: whether anything where its spans go speaks the same protocol, and takes them."""

import os
from urllib.parse import urlsplit

import requests

from threemaps.basics.nearby import LOOPBACK, session_for
from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.destination import GRPC, HTTP, LINK, Destination, destination, insecure_variable, speak
from threemaps.doctor.subject import Subject
from threemaps.doctor.wire import Answer, ask
from threemaps.settings import Settings

PATH = "/v1/traces"
UP = "threemaps up"


def check_reachable(subject: Subject) -> Check:
    """Something listens there and speaks this protocol."""
    there = destination(subject)
    if not shares_network(subject):
        return good(LINK, "reachable", f"{there.base} is seen from inside the container only")
    answer = ask(there.host, there.port, there.parts.scheme == "https", there.protocol == GRPC)
    if answer is Answer.SILENT:
        return silent(subject, there)
    spoken = GRPC if answer is Answer.HTTP2 else HTTP
    if answer is not Answer.BOTH and spoken != there.protocol:
        detail = f"{there.base} speaks {spoken}, and the exporter sends {there.protocol}"
        return broken(LINK, "reachable", detail, speak(subject, spoken))
    if there.protocol == HTTP and is_unknown_path(there.url):
        return unknown_path(subject, there)
    return good(LINK, "reachable", f"{there.base} answers and speaks {there.protocol}")


def unknown_path(subject: Subject, there: Destination) -> Check:
    """Only the path is wrong, or whoever answers is no collector at all."""
    if not is_unknown_path(f"{there.base}{PATH}"):
        detail = f"{there.base} knows no {there.parts.path}: OTLP is taken at {PATH}"
        right = there.setting_for(there.base)
        return broken(LINK, "reachable", detail, subject.setting(there.variable, right))
    detail = f"what answers at {there.base} takes no spans: it knows no {PATH}"
    step = to_collector(subject, there) if there.host in LOOPBACK else f"curl -i -X POST {there.base}{PATH}"
    return broken(LINK, "reachable", detail, step)


def to_collector(subject: Subject, there: Destination) -> str:
    """The collector of `threemaps up`, which is started where it does not answer."""
    url = Settings.load().url("otlp_grpc" if there.protocol == GRPC else "otlp_http")
    if there.base == url.replace("127.0.0.1", there.host):
        return UP
    step = subject.setting(there.variable, there.setting_for(url))
    return step if takes_spans(url, there.protocol) else f"{UP} && {step}"


def takes_spans(url: str, spoken: str) -> bool:
    parts = urlsplit(url)
    answer = ask(parts.hostname or "", parts.port or 80, parts.scheme == "https", spoken == GRPC)
    if spoken == GRPC:
        return answer in (Answer.HTTP2, Answer.BOTH)
    return answer in (Answer.HTTP1, Answer.BOTH) and not is_unknown_path(f"{url}{PATH}")


def silent(subject: Subject, there: Destination) -> Check:
    """Nobody there, or somebody who speaks no TLS."""
    is_secure = there.parts.scheme == "https"
    if is_secure and ask(there.host, there.port, False, there.protocol == GRPC) is not Answer.SILENT:
        detail = f"what answers at {there.host}:{there.port} speaks no TLS, and the exporter sends it"
        return broken(LINK, "reachable", detail, without_tls(subject, there))
    detail = f"nothing that speaks OTLP answers at {there.base}"
    step = to_collector(subject, there) if there.host in LOOPBACK else f"curl -v {there.base}"
    return broken(LINK, "reachable", detail, step)


def without_tls(subject: Subject, there: Destination) -> str:
    """Where a variable decides that, it outweighs the scheme."""
    given = subject.get(there.variable)
    scheme, _, rest = given.rpartition("://")
    if scheme.lower() != "https" and there.protocol == GRPC and (name := insecure_variable(subject)):
        return subject.setting(name, "true")
    return subject.setting(there.variable, f"http://{rest}")


def is_unknown_path(url: str) -> bool:
    """An empty export is no data, and tells whether anybody takes it there."""
    headers = {"Content-Type": "application/x-protobuf"}
    try:
        with session_for(url) as session, session.post(url, b"", headers=headers, timeout=3) as answer:
            is_page = answer.ok and "text/html" in answer.headers.get("Content-Type", "")
            return is_page or answer.status_code in (404, 405, 501)
    except (requests.RequestException, ValueError):
        return False


def shares_network(subject: Subject) -> bool:
    """A container has its own localhost and its own names."""
    if subject.pid is None:
        return True
    try:
        return network_of("self") == network_of(subject.pid)
    except OSError:
        return True


def network_of(pid: int | str) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")
