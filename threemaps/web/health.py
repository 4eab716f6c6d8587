"""The chain of the doctor as a strip: each link good, broken with the next step, or not reached."""

import logging
import threading
import time

from threemaps.doctor import Check, check_chain
from threemaps.render.names import markup
from threemaps.settings import Settings

AGAIN_SECONDS = 20.0
LINKS = ("machine", "service", "collector", "pipeline", "backend", "read back")

log = logging.getLogger("threemaps.web")


class Health:
    """Looks at the chain in a thread of its own: a broken chain takes its time to look at."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._checks: list[Check] | None = None
        self._looked = float("-inf")
        self._thread: threading.Thread | None = None

    @property
    def strip(self) -> str:
        return strip(self._checks)

    def look_again(self) -> None:
        """What was seen is no longer true."""
        self._looked = float("-inf")

    def await_first(self, seconds: float) -> None:
        """So that a chain that is broken is said at once, and not above what somebody reads already."""
        if self._checks is None and self._thread is not None:
            self._thread.join(seconds)

    def refresh_if_old(self) -> None:
        is_looking = self._thread is not None and self._thread.is_alive()
        if not is_looking and time.monotonic() - self._looked > AGAIN_SECONDS:
            self._thread = threading.Thread(target=self._look, name="health", daemon=True)
            self._thread.start()

    def _look(self) -> None:
        try:
            self._checks = check_chain(self._settings)
        except Exception:  # the strip is no reason for the page to fail
            log.exception("the chain could not be checked")
            self._checks = [Check("chain", "doctor", False, "the check itself failed", "threemaps doctor")]
        self._looked = time.monotonic()


def strip(checks: list[Check] | None) -> str:
    if checks is None:  # as large as what comes, so that nothing moves when it does
        items = "".join(_item("unknown", "·", name, "…") for name in LINKS)
        return f'<ol class="chain" aria-label="Looking at the chain">{items}</ol>'
    links = list(dict.fromkeys([*LINKS, *(check.link for check in checks)]))
    items = "".join(_link(name, [check for check in checks if check.link == name]) for name in links)
    broken = next((check for check in checks if not check.ok), None)
    advice = ""
    if broken:
        advice = (
            f'<p class="advice"><b>{markup(broken.link)}, {markup(broken.name)}:</b> {markup(broken.detail)}'
            f"<br>Next: <code>{markup(broken.next_step)}</code></p>"
        )
    return f'<ol class="chain">{items}</ol>{advice}'


def _link(name: str, checks: list[Check]) -> str:
    if not any(check.looked for check in checks):
        return _item("unknown", "·", name, "not looked at" if checks else "not reached")
    bad = next((check for check in checks if not check.ok), None)
    detail = bad.detail if bad else "; ".join(check.detail for check in checks)
    return _item("bad", "✕", name, "broken", detail) if bad else _item("good", "✓", name, "good", detail)


def _item(state: str, sign: str, name: str, word: str, detail: str = "") -> str:
    title = f' title="{markup(detail)}"' if detail else ""
    return (
        f'<li class="{state}"{title}><span aria-hidden="true">{sign}</span> {markup(name)}'
        f" <small>{word}</small></li>"
    )
