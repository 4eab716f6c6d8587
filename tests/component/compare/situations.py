"""A situation: what happens, whether the maps agree, and what the report says of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.component.compare.account import Account, account
from tests.conftest import Serve
from threemaps.model.difference import Comparison

Happens = Callable[[Account], None]


@dataclass(frozen=True)
class Situation:
    name: str
    happens: Happens
    agree: bool = True
    said: str = ""  # in each cause of what is unexpected
    excused: str = ""  # in a cause of what is expected
    never: str = ""  # in no cause: it would be a false one
    trouble: str = ""  # in what is not well; empty: all is
    note: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    compare: Callable[[Account, Path], Comparison] = lambda at, folder: at.compare()

    def hold(self, tmp_path: Path, serve: Serve) -> None:
        with account(tmp_path, serve, **self.environ) as at:
            self.happens(at)
            told = self.compare(at, tmp_path)
        unexpected = {diff.cause for diff in told.differences if not diff.expected}
        excuses = {diff.cause for diff in told.differences if diff.expected}
        troubles = [trouble.what for trouble in told.troubles]

        assert told.agree == self.agree, unexpected
        assert bool(unexpected) == bool(self.said), unexpected
        assert all(self.said in cause for cause in unexpected), unexpected
        assert not self.excused or any(self.excused in cause for cause in excuses), excuses
        assert not self.never or not any(self.never in cause for cause in unexpected | excuses)
        assert bool(troubles) == bool(self.trouble), troubles
        assert any(self.trouble in what for what in [*troubles, ""]), troubles
        assert any(self.note in note for note in [*told.notes, ""]), told.notes
        assert not self.note or told.notes
