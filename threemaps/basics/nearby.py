"""Questions to what runs on this machine: never through a proxy, which would look for it on its own."""

from urllib.parse import urlsplit

import requests

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def session_for(url: str) -> requests.Session:
    """With the user's proxies where the address is not this machine's."""
    session = requests.Session()
    session.trust_env = urlsplit(url).hostname not in LOOPBACK
    return session


def get(url: str, timeout: float) -> requests.Response:
    with session_for(url) as session:
        return session.get(url, timeout=timeout)


def excepted(given: str) -> str:
    """A NO_PROXY that names this machine too."""
    named = [one.strip() for one in given.split(",") if one.strip()]
    return ",".join([*named, *(host for host in LOOPBACK if host not in named)])
