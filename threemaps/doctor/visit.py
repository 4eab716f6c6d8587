"""Asks a service for its start page, wherever it listens."""

import http.client
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

import requests

from threemaps.basics import nearby
from threemaps.demo.health import wait_until
from threemaps.doctor.family import Family

START_SECONDS = 20  # for the service to listen
PAGE_SECONDS = 10  # for its start page
LONGEST_SECONDS = 45  # for all that its request sets off
AGENT = "threemaps-doctor"


class Reply(Enum):
    YES = "an answer"
    NONE = "none"
    LATE = "none in time"


@dataclass(frozen=True, slots=True)
class Asked:
    """Where an answer came from, and where somebody listens and gave none in time."""

    answered: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


def talk_to(family: Family, nonce: str, enough: Callable[[], bool]) -> Asked:
    """Waits for the service to listen, asks for its start page, and waits for what that sets off.

    `enough` says that nothing more is to be waited for; `nonce` goes with the request.
    """
    pool = ThreadPoolExecutor(8)
    try:
        asked = ask_around(family, nonce, pool)
        has_answer = any(one.done() and one.result() is Reply.YES for one in asked.values())
        wait_until(lambda: enough() or not family.living(), LONGEST_SECONDS if has_answer else 0)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # what still waits ends with the service
    done = {address: one for address, one in asked.items() if one.done() and not one.cancelled()}
    replies = {address: future.result() for address, future in done.items()}
    return Asked(
        tuple(address for address, reply in replies.items() if reply is Reply.YES),
        tuple(address for address, reply in replies.items() if reply is not Reply.YES),
    )


def ask_around(family: Family, nonce: str, pool: ThreadPoolExecutor) -> "dict[str, Future[Reply]]":
    """Until one address answers, or none of them did in time."""
    asked: dict[str, Future[Reply]] = {}

    def is_over() -> bool:
        for address in family.addresses():
            if address not in asked or (asked[address].done() and asked[address].result() is Reply.NONE):
                asked[address] = pool.submit(visit, address, nonce)
        replies = [future.result() for future in asked.values() if future.done()]
        is_late = bool(replies) and len(replies) == len(asked) and set(replies) == {Reply.LATE}
        return Reply.YES in replies or is_late or not family.living()

    wait_until(is_over, START_SECONDS)
    return asked


def visit(address: str, nonce: str) -> Reply:
    headers = {"User-Agent": f"{AGENT}/{nonce}"}
    try:
        if address.startswith("unix:"):
            return visit_file(address.removeprefix("unix:"), headers)
        with nearby.session_for(address) as session:
            session.get(address, timeout=PAGE_SECONDS, allow_redirects=False, headers=headers)
    except (requests.Timeout, TimeoutError):
        return Reply.LATE
    except (requests.RequestException, http.client.HTTPException, OSError):
        return Reply.NONE
    return Reply.YES


def visit_file(path: str, headers: dict[str, str]) -> Reply:
    connection = http.client.HTTPConnection("localhost")
    with socket.socket(socket.AF_UNIX) as connected:
        connected.settimeout(PAGE_SECONDS)
        connected.connect(path)
        connection.sock = connected
        connection.request("GET", "/", headers=headers)
        return Reply.YES if connection.getresponse().status >= HTTPStatus.OK else Reply.NONE
