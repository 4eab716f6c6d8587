"""The thread behind the page: what it looks at again, and when."""

import pytest

from tests.collector_process import wait_for
from threemaps.settings import Settings
from threemaps.web import live
from threemaps.web.view import View


class Scripted(live.Watch):
    """Its maps agree or not, look by look, as given; the last verdict stays."""

    def __init__(self, verdicts: list[bool]) -> None:
        super().__init__(View())
        self.verdicts = verdicts

    @property
    def agrees(self) -> bool:
        return self.verdicts[0]

    def refresh(self, settings: Settings) -> None:
        if len(self.verdicts) > 1:
            self.verdicts.pop(0)


def test_maps_that_begin_to_differ_have_the_chain_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it is green for up to 20 s above a difference whose cause it would show."""
    watch, looks = Scripted([True, True, True, False, False, True]), []
    behind = live.Live(Settings.load({}))
    monkeypatch.setattr(live, "Watch", lambda view: watch)
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(behind.health, "refresh_if_old", lambda: None)
    monkeypatch.setattr(behind.health, "look_again", lambda: looks.append(len(watch.verdicts)))
    with behind.watching(View()):
        wait_for(lambda: len(watch.verdicts) == 1)
    behind.stop()
    assert looks == [3]
