"""Honeycomb's API over HTTP: time limits, bounded retries, and a reason for every refusal."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import requests

from threemaps.readers.base import CONNECT_SECONDS, READ_SECONDS, SilentError, UnreadableError
from threemaps.settings import USER_AGENT

ATTEMPTS = 5
MAX_BYTES = 64 * 1024 * 1024
PART_BYTES = 65_536
LONGEST_WAIT = 61.0  # Honeycomb counts its limits by the minute
PATIENCE = 15.0  # whoever shows no wait to a user waits no longer
WAIT_IN_ALL = 75.0
TRY_AGAIN = (429, 500, 502, 503, 504)

Parameters = dict[str, str]
Document = dict[str, Any]
Refusal = Callable[[int, str], UnreadableError | None]


class Api:
    """One Honeycomb account, or the stand-in. `explain_refusal` turns a status and its text into advice."""

    def __init__(
        self,
        base: str,
        key: str,
        *,
        is_real: bool,
        explain_refusal: Refusal,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base = base
        self.is_real = is_real
        self._explain_refusal = explain_refusal
        self._sleep = sleep
        self.on_wait: Callable[[float], None] | None = None  # called before a wait for a rate limit
        self._session = requests.Session()
        # What is local is never asked for through a proxy, nor with the user's .netrc.
        self._session.trust_env = is_real
        # A callable keeps .netrc from putting its own credentials beside the key.
        self._session.auth = _leave_alone
        self._session.headers.update({"x-honeycomb-team": key, "user-agent": USER_AGENT})

    def get(self, path: str, **parameters: str) -> Any:
        return self._ask("GET", path, parameters, None)

    def post(self, path: str, document: dict[str, Any], **parameters: str) -> Any:
        return self._ask("POST", path, parameters, document)

    def _ask(self, method: str, path: str, parameters: Parameters, document: Document | None) -> Any:
        waited = 0.0
        for attempt in range(1, ATTEMPTS + 1):
            status, body, asked_wait = self._once(method, path, parameters, document)
            if status < 300:
                return self._decoded(body, path)
            wait = min(LONGEST_WAIT, max(asked_wait, 0.25 * 2**attempt))
            waited += wait
            if status not in TRY_AGAIN or attempt == ATTEMPTS or waited > WAIT_IN_ALL:
                break
            if self.on_wait is None and asked_wait > PATIENCE:
                break
            if self.on_wait and status == 429:
                self.on_wait(wait)
            self._sleep(wait)
        raise self._refused(status, body, f"{method} {self.base}{path}")

    def _once(
        self, method: str, path: str, parameters: Parameters, document: Document | None
    ) -> tuple[int, bytes, float]:
        try:
            with self._session.request(
                method,
                self.base + path,
                params=parameters,
                json=document,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                stream=True,
                allow_redirects=False,
            ) as response:
                return (
                    response.status_code,
                    whole(response.iter_content(PART_BYTES), "Honeycomb"),
                    _retry_after(response),
                )
        except requests.RequestException as error:
            raise self._no_answer(error) from error

    def _decoded(self, body: bytes, path: str) -> Any:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise UnreadableError(
                f"Honeycomb's answer to {path} is no JSON (it starts with {body[:40]!r})",
                hint=f"is {self.base} really Honeycomb's API? HONEYCOMB_API_ENDPOINT moves it",
            ) from error

    def _no_answer(self, error: requests.RequestException) -> UnreadableError:
        reasons = {
            requests.exceptions.SSLError: "its certificate is not trusted",
            requests.exceptions.ProxyError: "the proxy in between refuses",
            requests.exceptions.ConnectTimeout: f"no connection within {CONNECT_SECONDS} s",
            requests.exceptions.ReadTimeout: f"no answer within {READ_SECONDS} s",
            requests.exceptions.ChunkedEncodingError: "the answer broke off",
            requests.exceptions.ContentDecodingError: "the answer cannot be decompressed",
            requests.exceptions.InvalidURL: "that is no address",
            requests.exceptions.InvalidSchema: "that is no http(s) address",
            requests.exceptions.MissingSchema: "that is no http(s) address",
            requests.exceptions.InvalidHeader: "the key has characters that no key has",
        }
        why = next(
            (text for kind, text in reasons.items() if isinstance(error, kind)), "nothing answers there"
        )
        if self.is_real:
            hint = (
                "check the network, the proxy and HONEYCOMB_API_ENDPOINT (EU: https://api.eu1.honeycomb.io)"
            )
        else:
            hint = (
                "start the demo with `threemaps up`, or name your own account: THREEMAPS_BACKENDS=honeycomb"
            )
        kind = SilentError if isinstance(error, requests.exceptions.Timeout) else UnreadableError
        return kind(f"Honeycomb at {self.base} could not be reached: {why}", hint=hint)

    def _refused(self, status: int, body: bytes, request: str) -> UnreadableError:
        said = _said(body)
        known = self._explain_refusal(status, said)
        if known:
            return known
        if status == 429:
            return UnreadableError(
                f"Honeycomb is limiting the rate of requests ({said})", hint="wait a minute and run it again"
            )
        if status >= 500:
            return UnreadableError(
                f"Honeycomb failed with {status} after {ATTEMPTS} attempts ({said})",
                hint="try again later; https://status.honeycomb.io knows of outages",
            )
        return UnreadableError(
            f"Honeycomb answered {status} to {request} ({said})", hint="run `threemaps doctor`"
        )


def whole(parts: Iterable[bytes], vendor: str) -> bytes:
    """An answer as it comes: no more than fits, and for no longer than anybody waits."""
    kept, size, started = [], 0, time.monotonic()
    for part in parts:
        size += len(part)
        if size > MAX_BYTES or time.monotonic() - started > 2 * READ_SECONDS:
            raise UnreadableError(
                f"{vendor}'s answer has no end (stopped after {size:,} bytes)",
                hint="narrow it down with a shorter --since",
            )
        kept.append(part)
    return b"".join(kept)


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _retry_after(response: requests.Response) -> float:
    """In seconds; Honeycomb writes a moment, in whole seconds, what stands before it a number."""
    text = response.headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (zoned - datetime.now(UTC)).total_seconds() + 1)


def _said(body: bytes) -> str:
    """What the vendor gave as the reason, in one short line."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    text = _reason(document) if isinstance(document, dict) else None
    shown = text if isinstance(text, str) else body[:120].decode("utf-8", "replace")
    return " ".join(shown.split())[:160] or "no reason given"


def _reason(document: dict[str, Any]) -> object:
    """What is wrong with a field stands in `type_detail` only."""
    details = document.get("type_detail")
    listed = details if isinstance(details, list) else []
    described = [f"{one.get('field')}: {one.get('description')}" for one in listed if isinstance(one, dict)]
    return "; ".join(described) or document.get("error") or document.get("detail")
