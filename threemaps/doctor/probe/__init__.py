"""What the doctor puts into a service: it watches, reports facts over a local socket, and changes nothing.

It runs in the service's own interpreter, so it imports the standard library only, and that late.
"""

from __future__ import annotations

import os
import sys

from . import channel, exporting, imports, logs, privacy, sdk, signals, vendors, web

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any

SOCKET = "THREEMAPS_PROBE"


def start(injected: str) -> None:
    """`injected` is the folder that brought it here, and has to stay first on PYTHONPATH."""
    address = os.environ.get(SOCKET)
    if not address:
        return
    follow(injected)
    begin(address)


def begin(address: str) -> None:
    """In this process, and in those that it forks."""
    channel.open_to(address)
    imports.home.append(os.path.dirname(os.path.abspath(__file__)))
    for module in (logs, sdk, exporting, signals, web, vendors):
        imports.watched.update(module.WATCHED)
    imports.install()
    channel.report("process", **process())
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forked)


def settle() -> None:
    """After the launcher's hook: it put itself first, and the processes started from here need both."""
    for injected in folders:
        put_first(os.environ, injected)
    if folders:
        channel.report("settled", path=sys.path)


def forked() -> None:
    """The mother may have ended by now, so she is named by her run, not by the parent that the system has."""
    mother = channel.state.get("run")
    channel.renew()
    channel.report("process", forked=True, mother=mother, **process())


def process() -> dict[str, object]:
    return {
        "argv": [privacy.hidden_word(word) for word in getattr(sys, "orig_argv", sys.argv)],
        "python": sys.executable,
        "version": ".".join(map(str, sys.version_info[:3])),
        "folder": os.getcwd(),
        "parent": os.getppid(),
        "environ": privacy.environ(os.environ),
        "path": sys.path,
    }


folders: list[str] = []


def put_first(environ: os._Environ[str] | dict[str, str], injected: str) -> None:
    rest = [one for one in environ.get("PYTHONPATH", "").split(os.pathsep) if one and one != injected]
    environ["PYTHONPATH"] = os.pathsep.join([injected, *rest])


def follow(injected: str) -> None:
    """A program that becomes another one, as the launcher does, takes the probe along, and in front."""
    folders.append(injected)
    execv, execve = os.execv, os.execve

    def keeping_execv(path: Any, argv: Any) -> Any:
        put_first(os.environ, injected)
        return execv(path, argv)

    def keeping_execve(path: Any, argv: Any, env: Any) -> Any:
        if env.get(SOCKET) and env.get("PYTHONPATH"):
            env = dict(env)
            put_first(env, injected)
        return execve(path, argv, env)

    os.execv, os.execve = keeping_execv, keeping_execve
