"""The documents and the command line say the same."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from vitrail.indexer.encoders.exports import TARGETS
from vitrail.service.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS: dict[str, Any] = getattr(get_command(app), "commands")  # noqa: B009 - typer's own type
ROOT_OPTIONS = {"--help", "-h", "--version", "--install-completion", "--show-completion"}
CALL = re.compile(r"(?:^|[\s|])vitrail(?= |$)(.*)")


def options_of(command: str) -> set[str]:
    declared = (parameter.opts + parameter.secondary_opts for parameter in COMMANDS[command].params)
    names = {name for names in declared for name in names if name.startswith("-")}
    return names | {"--help", "-h"}


def calls(page: Path) -> Iterator[list[str]]:
    """The words after ``vitrail`` in every line of a shell block and every `inline call`."""
    shell = False
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("```"):
            shell = line in ("```sh", "```console") and not shell
        elif shell and (found := CALL.search(line)):
            yield shlex.split(found[1], comments=True)
        elif not shell:
            for text in re.findall(r"`vitrail ([^`]+)`", line):
                yield shlex.split(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_call_in_the_documents_can_be_made(page: Path) -> None:
    for words in calls(page):
        command = words[0] if words else ""
        if command in ROOT_OPTIONS or command == "COMMAND":
            continue
        assert command in COMMANDS, f"{page.name}: vitrail {shlex.join(words)}"
        # the value of --sort may begin with a dash
        named = [word for before, word in pairwise(words) if before != "--sort"]
        options = {word.partition("=")[0] for word in named if re.match(r"--?[a-z]", word)}
        unknown = options - options_of(command)
        assert not unknown, f"{page.name}: vitrail {command} has no {', '.join(sorted(unknown))}"


def test_every_command_and_option_is_shown_in_the_command_page() -> None:
    page = ROOT / "docs" / "cli.md"
    headings = [line for line in page.read_text("utf-8").splitlines() if line.startswith("## ")]
    headed = {name.strip() for line in headings for name in line[3:].split(",")}
    shown = list(calls(page))
    for command in COMMANDS:
        assert command in headed, f"docs/cli.md has no section {command}"
        assert any(words[:1] == [command] for words in shown), f"docs/cli.md never calls {command}"


def test_programs_in_the_documents_import_us_through_the_door_alone() -> None:
    for page in PAGES:
        for block in re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S):
            for node in ast.walk(ast.parse(block)):
                named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if isinstance(node, ast.Import):
                    named = [alias.name for alias in node.names]
                assert not [name for name in named if name.startswith("vitrail.")], page.name


def test_links_between_the_documents_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            if ":" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_says_of_every_device_and_target_what_was_run_and_what_was_not() -> None:
    told: dict[str, list[str]] = {}
    reading = False
    for line in (ROOT / "README.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        reading = line.startswith("|") and (reading or cells[-1] == "not run here")
        if reading:
            told[re.sub(r"[^a-z]", "", cells[0].lower())] = cells[1:]
    for name in (*TARGETS, "cpu", "cuda", "mps"):
        named = [cells for row, cells in told.items() if row.startswith(name.replace("-", ""))]
        assert named, name
        assert all(len(cells) == 2 and all(cells) for cells in named), name


def test_every_command_explains_itself() -> None:
    for name, command in COMMANDS.items():
        assert command.help, f"vitrail {name} has no help"
        for parameter in command.params:
            if parameter.name != "help":
                assert getattr(parameter, "help", None), f"vitrail {name} {parameter.name}"
