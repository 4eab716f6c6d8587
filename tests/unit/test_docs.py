"""What the pages say to type exists, and what they name is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from threemaps.cli.main import COMMANDS, cli
from threemaps.settings import PROJECT

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
COMMAND = re.compile(
    r"(?:\$ )?(?:[A-Z_]+=\S+ )*(?:docker compose exec web )?(?:\S*/bin/)?threemaps ([a-z]+)\b(.*)"
)
# Made by a command that the page names.
MADE = ("bench/results.md",)
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def typed(text: str) -> Iterator[tuple[str, str]]:
    """Commands in back quotes and in blocks, each with the rest of its line."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    snippets = [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", text)
    for snippet in snippets:
        for part in re.split(r" && |; | \| | → ", snippet.partition(" #")[0]):
            if found := COMMAND.match(part.strip()):
                yield found[1], found[2]


@by_page
def test_commands_exist_with_their_options(page: Path) -> None:
    for command, rest in typed(page.read_text()):
        assert command in COMMANDS, f"{page.name}: threemaps {command}"
        described = CliRunner().invoke(cli, [command, "--help"]).output
        for option in re.findall(r"(?<= )--[a-z-]+", rest.partition(" -- ")[0]):
            assert option in described, f"{page.name}: threemaps {command} {option}"


@by_page
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"(?:`|^|\$ )make ([a-z-]+)", page.read_text(), re.MULTILINE):
        assert target in targets, f"{page.name}: make {target}"


@by_page
def test_files_and_links_exist(page: Path) -> None:
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert "://" in link or (page.parent / link).exists(), f"{page.name}: {link}"
    for path in re.findall(r"`((?:aws|threemaps|collector|services|tests|bench)/[\w/.-]+\.\w+)`", text):
        assert path in MADE or (PROJECT / path).exists(), f"{page.name}: {path}"


@by_page
def test_variables_exist(page: Path) -> None:
    folders = ("threemaps", "services", "tests", "bench")
    code = "".join(path.read_text() for folder in folders for path in (PROJECT / folder).rglob("*.py"))
    code += (PROJECT / "docker-compose.yml").read_text() + (
        PROJECT / "collector/otel-config.yaml"
    ).read_text()
    for variable in re.findall(r"\bTHREEMAPS_[A-Z_]*[A-Z]\b", page.read_text()):
        computed = re.fullmatch(r"THREEMAPS_(?:PORT|URL)_\w+", variable)
        assert computed or variable in code, f"{page.name}: {variable}"


def test_every_page_is_in_the_table_of_contents() -> None:
    contents = (PROJECT / "docs" / "README.md").read_text()
    assert "docs/README.md" in (PROJECT / "README.md").read_text()
    assert [
        page.name for page in PAGES if page.name != "README.md" and f"]({page.name})" not in contents
    ] == []


def test_every_command_is_documented() -> None:
    written = "".join(page.read_text() for page in PAGES)
    assert [
        name for name in COMMANDS if f"threemaps {name}" not in written and f"make {name}" not in written
    ] == []


def test_every_row_of_the_table_of_strangers_names_tests_that_exist() -> None:
    text = (PROJECT / "docs" / "security.md").read_text()
    table = text.partition("| who | tries |")[2].partition("\n\n")[0]
    rows = [row.split("|") for row in table.splitlines()[2:]]
    assert len(rows) > 15
    for row in rows:
        names = re.findall(r"`([\w/]+\.py)`", row[4])
        assert names or "possible" in row[3], row
        for name in names:
            folder = PROJECT if "/" in name else PROJECT / "tests" / "component" / "security"
            assert (folder / name).is_file(), name
