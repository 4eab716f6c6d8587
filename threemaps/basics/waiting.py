"""A server before anybody uses it: what answers is loaded with the first request.

Loading it is most of such a process's memory and of its start. That it is well it says without.
"""

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HEALTHY = b'{"status":"ok"}'


class WaitingApp:
    def __init__(self, load: "Callable[[], WSGIApplication]") -> None:
        self._load = load
        self._lock = threading.Lock()
        self._app: WSGIApplication | None = None

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if self._app is None and (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("GET", "/healthz"):
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(HEALTHY)))]
            start_response("200 OK", headers)
            return [HEALTHY]
        return self._loaded()(environ, start_response)

    def _loaded(self) -> "WSGIApplication":
        with self._lock:
            if self._app is None:
                self._app = self._load()
            return self._app
