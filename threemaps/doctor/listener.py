"""Takes the facts that probes report, each process over a connection of its own."""

import contextlib
import json
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

Fact = dict[str, Any]


class Listener:
    """Use it as a context manager; `facts` grows while processes report."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self._folder = tempfile.TemporaryDirectory(prefix="tm")
        self.address = str(Path(self._folder.name, "s"))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def __enter__(self) -> "Listener":
        self._socket.bind(self.address)
        self._socket.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()
        self._folder.cleanup()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        """Until the process ends, or becomes another program; that is a fact, too."""
        run = ""
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as lines:
            for line in lines:
                with contextlib.suppress(ValueError):
                    fact = json.loads(line)
                    run = fact.get("run", run)
                    self.facts.append(fact)
        self.facts.append({"kind": "gone", "run": run, "pid": 0, "at": time.time()})
