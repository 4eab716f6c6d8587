"""What the audit says: what was found, what was not looked at, and that nobody could be asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import audit

GOOD = {"name": "flask", "version": "3.1", "vulns": []}
BAD = {"name": "jinja2", "version": "3.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"]}]}
SKIPPED = {"name": "click", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("pypi", "osv", "code", "said"),
    [
        ([GOOD], None, 0, "1 packages looked at (pypi)"),
        ([GOOD, BAD], None, 1, "jinja2 3.0: PYSEC-1, mended in 3.1.6"),
        ([GOOD, SKIPPED], None, 1, "NOT looked at, since pypi does not know them: click"),
        ([SKIPPED], [GOOD], 0, "1 packages looked at (osv)"),
        ([SKIPPED], None, 69, "NOTHING was looked at"),
        (None, None, 69, "NOTHING was looked at"),
    ],
)
def test_what_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pypi: Any, osv: Any, code: int, said: str
) -> None:
    for name, told in (("pypi", pypi), ("osv", osv)):
        (tmp_path / name).write_text("no connection" if told is None else json.dumps({"dependencies": told}))
    program = tmp_path / "pip-audit"
    program.write_text(f'#!/bin/sh\nfor last; do :; done\ncat "{tmp_path}/$last"\n')
    program.chmod(0o755)
    assert audit.main(program, tmp_path / "lock") == code
    out = capsys.readouterr()
    assert said in out.out + out.err
