"""Licences of what is installed and of what the collector is built from: permissive, as NOTICE lists them.

`python -m tests.licences` checks, offline; with --write it writes NOTICE anew, for which the Go modules have
to be in Go's cache, where a build of the collector puts them.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from threemaps.settings import PROJECT

NOTICE = PROJECT / "NOTICE"
GO_MOD = PROJECT / "collector" / "distribution" / "go.mod"
# MPL-2.0 asks for the sources of its own changed files only, and none are changed here.
ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0"),
    *("PSF-2.0", "Unlicense", "ZPL-2.1"),
}
# As packages without an expression name theirs. What names none is looked up in its licence's text.
NAMED = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "ZPL 2.1": "ZPL-2.1",
}
# What only one licence says. The first that is found counts: longer ones quote shorter ones.
TEXTS = {
    "GPL": r"GENERAL PUBLIC LICENSE\s+Version",
    "MPL-2.0": "Mozilla Public License,? [Vv]ersion 2.0",
    "Apache-2.0": r"Apache License,?\s+Version 2.0",
    "BSD-3-Clause": "(?i)neither the name|names? of .{0,200} may not be used to endorse",
    "BSD-2-Clause": "(?i)redistributions? in binary form must reproduce",
    "ISC": "(?i)permission to use, copy, modify, and/?(or)? ?distribute this software",
    "MIT": "(?i)permission is hereby granted, free of charge",
    "Unlicense": "free and unencumbered software released into the public domain",
}
LICENCE_FILE = re.compile(r"(?i)(.*[/.])?(un)?licen[cs]e[^/]*|copying[^/]*")
HEAD = """threemaps
Licensed under the Apache License, Version 2.0: see LICENSE.

What its container image and its collector are made of, with the licences of each. Written by `make licences`;
`make lint` holds it against what is installed.
"""
PYTHON, GO = "Python packages", "Go modules of the collector"


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        NOTICE.write_text(notice({PYTHON: python("requirements-image.lock"), GO: go_from_cache()}))
    problems = list(found_wrong())
    for problem in problems:
        sys.stderr.write(f"licences: {problem}\n")
    return 1 if problems else 0


def found_wrong() -> Iterator[str]:
    listed = noticed()
    for name, licence in {**python("requirements.lock"), **listed[GO]}.items():
        if unknown := tokens(licence) - ALLOWED:
            yield f"{name}: {', '.join(unknown) or 'none'} is not among those allowed in tests/licences.py"
    wanted = set(go_modules()), set(python("requirements-image.lock").items())
    for kind, more in ((GO, wanted[0] ^ set(listed[GO])), (PYTHON, wanted[1] - set(listed[PYTHON].items()))):
        if more:
            yield f"{kind}: NOTICE is not up to date ({sorted(more)[0]}): make licences"


def tokens(expression: str) -> set[str]:
    return set(re.findall(r"[^\s()]+", expression)) - {"AND", "OR"} or {"none"}


def python(lock: str) -> dict[str, str]:
    """Those of the lock that are installed: others are for other systems."""
    found = {}
    for name in re.findall(r"^([\w.-]+)==", (PROJECT / lock).read_text(), re.MULTILINE):
        try:
            found[name] = licence_of(distribution(name))
        except PackageNotFoundError:
            continue
    return found


def licence_of(package: Distribution) -> str:
    told = package.metadata
    classifiers = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or []]
    names = [str(told.get("License-Expression", "")), str(told.get("License", "")).strip(), *classifiers]
    known = [NAMED.get(name, name) for name in names]
    if names[0]:
        return names[0]
    texts = (
        package.read_text(str(file.relative_to(file.parts[0])))
        for file in package.files or ()
        if ".dist-info" in file.parts[0] and LICENCE_FILE.fullmatch(str(file))
    )
    return next((name for name in known if name in ALLOWED), "") or classified("\n".join(filter(None, texts)))


def classified(text: str) -> str:
    return next((name for name, pattern in TEXTS.items() if re.search(pattern, text, re.DOTALL)), "")


def go_modules() -> list[str]:
    """`path version` of all that go.mod requires."""
    return [
        " ".join(found) for found in re.findall(r"^\s+([\w./~-]+) (v\S+)", GO_MOD.read_text(), re.MULTILINE)
    ]


def go_from_cache() -> dict[str, str]:
    cache = Path(subprocess.check_output(["go", "env", "GOMODCACHE"], text=True).strip())
    return {module: in_folder(cache / escaped(module.replace(" ", "@"))) for module in go_modules()}


def in_folder(folder: Path) -> str:
    files = sorted(path for path in folder.iterdir() if LICENCE_FILE.fullmatch(path.name) and path.is_file())
    found = [classified(path.read_text(errors="replace")) or f"unknown:{path.name}" for path in files]
    return " AND ".join(sorted(set(found)))


def escaped(module: str) -> str:
    """As Go names its folders on systems that do not tell A from a."""
    return re.sub("[A-Z]", lambda letter: f"!{letter[0].lower()}", module)


def notice(sections: Mapping[str, Mapping[str, str]]) -> str:
    parts = [HEAD]
    for title, licences in sections.items():
        parts += [f"\n{title}\n", *(f"  {name}: {licence}\n" for name, licence in sorted(licences.items()))]
    return "".join(parts)


def noticed() -> dict[str, dict[str, str]]:
    sections: dict[str, dict[str, str]] = {PYTHON: {}, GO: {}}
    title = ""
    for line in NOTICE.read_text().splitlines():
        name, separator, licence = line.strip().partition(": ")
        if line in sections:
            title = line
        elif title and separator and line.startswith("  "):
            sections[title][name] = licence
    return sections


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
