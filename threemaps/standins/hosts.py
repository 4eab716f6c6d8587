"""No page of a website gets to a stand-in, whose keys are public, by way of its visitor's browser.

A website may lead a name of its own to 127.0.0.1 (DNS rebinding), or send a form there.
"""

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from threemaps.basics.nearby import LOOPBACK
from threemaps.standins.http import json_answer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

REFUSAL = {"error": "forbidden", "message": "a stand-in answers on this machine, and to no page of a website"}


def only_from_here(app: "WSGIApplication") -> "WSGIApplication":
    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
        is_meant = host is None or is_near(f"//{host}")
        if is_meant and (origin is None or name_in(origin) in LOOPBACK):
            return app(environ, start_response)
        return json_answer(REFUSAL, 403)(environ, start_response)

    return guarded


def is_near(address: str) -> bool:
    """An IP address, or a name that nobody can register: of one label, or under .internal or .localhost."""
    name = name_in(address)
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and ("." not in name or name.endswith((".internal", ".localhost")))
    return True


def name_in(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
