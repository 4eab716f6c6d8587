"""The check of licences finds what it is for."""

from importlib.metadata import Distribution
from pathlib import Path

import pytest

from tests import licences

GPL = "GNU GENERAL PUBLIC LICENSE\n  Version 2, June 1991\nSee also the Apache License, Version 2.0"


def package(folder: Path, told: str, text: str = "") -> Distribution:
    place = folder / "x-1.dist-info"
    (place / "licenses").mkdir(parents=True)
    (place / "METADATA").write_text(f"Name: x\n{told}")
    (place / "licenses" / "LICENSE").write_text(text)
    (place / "RECORD").write_text("x-1.dist-info/licenses/LICENSE,,\n")
    return Distribution.at(place)


@pytest.mark.parametrize(
    ("told", "text", "licence"),
    [
        ("License-Expression: GPL-2.0-or-later", "", "GPL-2.0-or-later"),
        ("License: GNU General Public License (GPL)", GPL, "GPL"),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", "", ""),
        ("Classifier: License :: OSI Approved :: MIT License", "", "MIT"),
        ("License: as in the file", "Permission is hereby granted, free of charge", "MIT"),
        ("Summary: says nothing", "", ""),
    ],
)
def test_what_a_package_says(tmp_path: Path, told: str, text: str, licence: str) -> None:
    found = licences.licence_of(package(tmp_path, told, text))
    assert found == licence
    assert bool(licences.tokens(found) - licences.ALLOWED) == (licence != "MIT")


def test_all_of_an_expression_has_to_be_allowed() -> None:
    assert licences.tokens("MPL-2.0 AND (Apache-2.0 OR MIT)") <= licences.ALLOWED
    assert licences.tokens("MIT AND LGPL-3.0-only") - licences.ALLOWED == {"LGPL-3.0-only"}


def test_a_new_module_or_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(licences.found_wrong()) == []
    changed = tmp_path / "NOTICE"
    text = licences.NOTICE.read_text()
    changed.write_text(
        text.replace("go.uber.org/zap v", "go.uber.org/zap v9").replace("flask: ", "flask: X-")
    )
    monkeypatch.setattr(licences, "NOTICE", changed)
    told = "\n".join(licences.found_wrong())
    assert "Go modules of the collector: NOTICE is not up to date" in told
    assert "Python packages: NOTICE is not up to date (('flask'" in told
