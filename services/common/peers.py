"""Calls to another service: pooled, with a timeout, never repeated."""

from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from services.common.environment import number, text
from services.common.problems import Problem, Unavailable

POOL_SIZE = 64
CONNECT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Peer:
    """Another service. A refusal of its (4xx) is passed on as a Problem; anything worse is `Unavailable`."""

    name: str
    url: str
    connect_seconds: float
    read_seconds: float
    session: requests.Session

    @classmethod
    def from_environment(cls, name: str, default_url: str, read_seconds: float) -> "Peer":
        """NAME_URL and NAME_TIMEOUT_SECONDS, as in USERS_URL; PEER_CONNECT_TIMEOUT_SECONDS for all."""
        prefix = name.upper()
        return cls(
            name=name,
            url=text(f"{prefix}_URL", default_url).rstrip("/"),
            connect_seconds=number("PEER_CONNECT_TIMEOUT_SECONDS", CONNECT_SECONDS),
            read_seconds=number(f"{prefix}_TIMEOUT_SECONDS", read_seconds),
            session=pooled_session(),
        )

    def get(self, path: str, params: dict[str, str] | None = None) -> dict[str, Any]:
        return self._call("GET", path, params=params)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._call("POST", path, json=body)

    def _call(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        timeout = (self.connect_seconds, self.read_seconds)
        try:
            # `url` by name, the method first: so the X-Ray SDK's wrapper of this call finds them too.
            response = self.session.request(
                method, url=self.url + path, timeout=timeout, allow_redirects=False, **kwargs
            )
        except requests.Timeout as error:
            raise Unavailable(self.name, f"gave no answer within {self.read_seconds:g} s") from error
        except requests.RequestException as error:
            raise Unavailable(self.name, "cannot be reached") from error
        return self._checked(response)

    def _checked(self, response: requests.Response) -> dict[str, Any]:
        status = response.status_code
        if status >= 500 or 300 <= status < 400:
            raise Unavailable(self.name, f"answered {status}")
        try:
            body = response.json()
        except ValueError as error:
            raise Unavailable(self.name, "answered something else than JSON") from error
        if not isinstance(body, dict):
            raise Unavailable(self.name, "answered something else than an object")
        if status >= 400:
            raise Problem(status, str(body.get("error", "refused")), str(body.get("message", "refused")))
        return body

    def objects(self, path: str, name: str, params: dict[str, str] | None = None) -> list[dict[str, Any]]:
        """The list of objects that the answer holds under `name`."""
        found = self.get(path, params).get(name)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise Unavailable(self.name, f"answered without a list of {name}")
        return found


def pooled_session() -> requests.Session:
    """One for all threads: they share its connections, and nothing else of it changes."""
    session = requests.Session()
    session.trust_env = False  # a proxy is for the outside, not for our own services
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
