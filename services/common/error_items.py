"""Unhandled errors become Rollbar items, where ROLLBAR_ACCESS_TOKEN is set. No request waits for that."""

import atexit
import logging
import os
import queue
import re
import threading
from functools import cached_property
from types import TracebackType
from typing import Any

from flask import Flask, request

from services.common import trace_ids

DEFAULT_API = "https://api.rollbar.com"
WAITING_ITEMS = 100
SEND_SECONDS = 5
LAST_CHANCE_SECONDS = 3.0
KEPT_HEADERS = ("Host", "User-Agent", "Content-Type", "Accept")
SECRET = re.compile(
    r"(?i)\b([\w-]*(?:password|passwd|secret|token|api[_-]?key|authorization|cookie|credential)[\w-]*"
    r"[\"']?\s*[=:]\s*)(?:bearer\s+|basic\s+)?[\"']?[^\s\"',;&}]+"
)

logger = logging.getLogger(__name__)
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def install(app: Flask, service: str) -> None:
    token = os.environ.get("ROLLBAR_ACCESS_TOKEN")
    if token:
        app.extensions["unhandled_errors"] = ItemSender(token, service).report


class ItemSender:
    """Items wait in a short line for one thread that sends them; what does not fit is dropped and named."""

    def __init__(self, token: str, service: str) -> None:
        self._token = token
        self._service = service
        self._waiting: queue.Queue[tuple[ExcInfo, dict[str, Any]]] = queue.Queue(WAITING_ITEMS)
        threading.Thread(target=self._send_all, name="rollbar", daemon=True).start()
        atexit.register(self._send_the_last)

    @cached_property
    def _rollbar(self) -> Any:
        """Loaded with the first error: most services never have one."""
        return _rollbar(self._token, self._service)

    def report(self, error: Exception) -> None:
        trace_id = trace_ids.trace_id()
        payload = {
            "request": described_request(),
            "context": request.url_rule.rule if request.url_rule else "no route",
            "custom": {
                "service": self._service,
                "trace_id": trace_id,
                "xray_trace_id": trace_ids.as_xray(trace_id),
                "span_id": trace_ids.span_id(),
            },
        }
        try:
            self._waiting.put_nowait(((type(error), error, error.__traceback__), payload))
        except queue.Full:
            logger.warning("an error did not become a Rollbar item: %d are waiting already", WAITING_ITEMS)

    def _send_all(self) -> None:
        while True:
            exc_info, payload = self._waiting.get()
            try:
                self._rollbar.report_exc_info(exc_info, payload_data=payload)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next item is to be sent
                logger.warning("an item did not reach Rollbar: %s", type(error).__name__)
            finally:
                self._waiting.task_done()

    def _send_the_last(self) -> None:
        with self._waiting.all_tasks_done:
            self._waiting.all_tasks_done.wait_for(
                lambda: not self._waiting.unfinished_tasks, LAST_CHANCE_SECONDS
            )


def described_request() -> dict[str, Any]:
    """No query, cookies or body: nothing that a person may have typed."""
    return {
        "method": request.method,
        "url": request.base_url,
        "headers": {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers},
    }


def without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return SECRET.sub(r"\1********", value)
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    return value


def _rollbar(token: str, service: str) -> Any:
    import rollbar

    api = (os.environ.get("ROLLBAR_API_ENDPOINT") or DEFAULT_API).rstrip("/")
    rollbar.init(
        token,
        os.environ.get("ROLLBAR_ENVIRONMENT") or "development",
        endpoint=f"{api}/api/1/",
        handler="blocking",  # in our own thread
        timeout=SEND_SECONDS,
        locals={"enabled": False},
        capture_ip=False,
        allow_logging_basic_config=False,
        suppress_reinit_warning=True,
    )
    rollbar.events.add_payload_handler(_scrubbed)
    return rollbar


def _scrubbed(payload: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {**payload, "data": without_secrets(payload["data"])}
