"""What a command is asked with: its help, its words, and what is refused of them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.service.colours import CHECKPOINT
from tests.service.conftest import Vitrail
from vitrail.service.cli import app


def test_a_misspelt_call_leaves_no_collection_behind(vitrail: Vitrail, folder: Path) -> None:
    colours = ("--checkpoint", CHECKPOINT)
    vitrail.fails("index", folder / "none", *colours, code=2, says=["does not exist"])
    vitrail.fails("index", folder, "--checkpoint", "other", code=1, says=["'other'", "use colours"])
    vitrail.fails("index", folder, *colours, "--space", "cls@1", code=2, says=["'cls@1'"])
    vitrail.fails("index", folder, *colours, "--label-from", "x", code=2, says=["parent or none"])
    assert not vitrail.home.exists()


def test_unknown_words_are_usage_errors(vitrail: Vitrail) -> None:
    for words in (["bogus"], ["search", "x", "--k", "ten"], ["remove"], ["search", "--bogus"]):
        refused = vitrail(*words)
        assert refused.code == 2
        assert "Error: " in refused.err
        assert "Traceback" not in refused.err


@pytest.mark.parametrize("width", [80, 60])
def test_every_help_page_speaks_to_users(
    vitrail: Vitrail, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    # a program run as ``python -m`` would be known by that name, and pytest may be
    monkeypatch.setattr(sys.modules["__main__"], "__package__", None)
    monkeypatch.setenv("COLUMNS", str(width))
    commands = [command.name for command in app.registered_commands]
    assert len(commands) > 15
    for name in commands:
        page = vitrail(name, "--help").out
        assert not re.search(r"<|\{|\bx>=|\b(str|int|float|path|Path|bool)\b[\]>]", page), page
        assert not re.search(r"^  --[a-z-]+ (TEXT|INTEGER|FLOAT|PATH) +$", page), page
        lines = page.splitlines()
        assert lines[0].startswith(f"Usage: vitrail {name} [OPTIONS]"), page
        assert all(len(line) <= width for line in lines), page
    assert "Usage: vitrail index [OPTIONS] [FOLDER]..." in vitrail("index", "--help").out
    assert "Usage: vitrail remove [OPTIONS] IMAGE..." in vitrail("remove", "--help").out
    style = vitrail("style", "--help").out
    assert "Usage: vitrail style [OPTIONS] CONTENT STYLE" in style
    assert re.search(r"^  CONTENT +Whose things are kept", style, re.MULTILINE)
    missing = vitrail("style", "a.png").err
    assert "Usage: vitrail style [OPTIONS] CONTENT STYLE" in missing
    assert "<" not in missing


def test_the_list_of_commands_says_each_in_full(vitrail: Vitrail) -> None:
    lines = vitrail("--help").out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(lines) == len(app.registered_commands)
    assert not [line for line in lines if line.endswith("...") or len(line) > 80]


def test_an_option_before_the_command_is_told_where_it_belongs(vitrail: Vitrail) -> None:
    for words in (("-c", "x", "list"), ("--json", "list")):
        told = vitrail(*words)
        assert told.code == 2
        line = f"No such option: {words[0]}; what a command takes stands after its name"
        assert line in " ".join(told.err.split()), told.err
    assert "after its name" not in vitrail("list", "--jso").err


def test_a_value_that_is_no_number_is_refused_in_plain_words(vitrail: Vitrail) -> None:
    for option, given, says in (
        ("--k", "x", "give a whole number"),
        ("--min-score", "high", "give a number"),
        ("--seeds", "0", "give 1 or more"),
    ):
        told = vitrail("search", "a.png", option, given)
        assert told.code == 2
        assert told.err.endswith(f": {says}\n"), told.err
        assert option in told.err.splitlines()[-1]


def test_an_interruption_is_told_in_a_line(
    vitrail: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    vitrail.index(folder)
    monkeypatch.setattr("vitrail.service.operations.maintaining.describe", interrupted)
    assert vitrail("info") == (130, "", "vitrail: interrupted\n")


def test_an_interruption_within_a_query_is_told_in_the_same_line(
    vitrail: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise RuntimeError("Query interrupted")  # as DuckDB says it of a signal

    vitrail.index(folder)
    monkeypatch.setattr("vitrail.service.operations.maintaining.describe", interrupted)
    assert vitrail("info") == (130, "", "vitrail: interrupted\n")
