"""How runs are shown, by a clock of the test's own."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import Vitrail
from vitrail.indexer.indexing.pipeline import IndexCounts
from vitrail.search import images
from vitrail.service.cli import images_progress
from vitrail.service.cli import progress as displays
from vitrail.service.cli.images_progress import ImageDisplay
from vitrail.service.cli.progress import IndexDisplay, waiting
from vitrail.service.cli.viewers import GenerationViewer, SearchViewer
from vitrail.service.operations.making import Generated
from vitrail.service.operations.progress import GenerationProgress, Note

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(displays, "time", made)
    monkeypatch.setattr(images_progress, "time", made)
    return made


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_plain_lines_tell_what_is_done_how_fast_and_how_long_it_takes(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with IndexDisplay(quiet=False) as display:
        display.name_encoder("tiny\x1b[31m [abc; cls@12]")
        clock.now += 12
        display.update(IndexCounts(found=1500))
        clock.now += 1
        display.update(IndexCounts(found=2000))  # too soon for another line
        progress = IndexCounts(found=2500, total=2000, stage="indexing")
        display.update(progress)
        clock.now += 10
        progress.opened, progress.rejected = 500, 3
        display.update(progress)
    assert lines(capsys) == [
        r"encoder: tiny\x1b[31m [abc; cls@12]",
        "scanning folders: 1,500 files so far",
        "indexing: 500 of 2,000 files, 50.0/s, 0:00:30 left, 3 rejected",
    ]


def test_images_being_made_are_counted(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with ImageDisplay(quiet=False, total=4) as display:
        clock.now += 10
        display.update(GenerationProgress("generating", 4, step=3, steps=20))
        clock.now += 10
        display.update(GenerationProgress("generating", 4, made=1, there=1))
        clock.now += 10
        display.update(GenerationProgress("indexing", 4, made=3, there=1))
        display.finish(Generated(total=4, made=3, there=1, notes=("cut\x1b]0;x\x07",)))
    assert lines(capsys) == [
        "generating: 0 of 4 images, step 3 of 20",
        "generating: 2 of 4 images, 0:00:40 left",
        "indexing: 4 of 4 images",
        "3 made and indexed in 30.0 s, 1 there already",
        r"note: cut\x1b]0;x\x07",
    ]


def test_quiet_says_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with IndexDisplay(quiet=True) as display:
        display.name_encoder("tiny")
        clock.now += 100
        display.update(IndexCounts(found=1))
        display.finish(IndexCounts(seconds=1.0))
    with ImageDisplay(quiet=True, total=4) as making, waiting("for nothing"):
        making.update(GenerationProgress("generating", 4, step=1, steps=2))
        making.finish(Generated(total=4))
    assert lines(capsys) == []


@pytest.mark.parametrize(("count", "told"), [(1, "1 file"), (1200, "1,200 files")])
def test_quiet_tells_rejects_in_a_line(
    clock: Clock, capsys: pytest.CaptureFixture[str], count: int, told: str
) -> None:
    with IndexDisplay(quiet=True) as display:
        display.finish(IndexCounts(found=2000, rejected=count, seconds=1.0))
    assert lines(capsys) == [f'vitrail: {told} rejected; the reasons: "vitrail rejects"']


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_live_line_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clock: Clock, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with IndexDisplay(quiet=False) as display:
        display.update(IndexCounts(found=123_456))
        assert display._bar is not None
        display._bar.refresh()
        display.update(IndexCounts(total=123_456, stage="loading the encoder"))
        display._bar.refresh()
        progress = IndexCounts(total=123_456, stage="indexing")
        display.update(progress)
        clock.now += 1000
        progress.opened, progress.rejected = 65_432, 12
        display.update(progress)
        display._bar.refresh()
    shown = [ESCAPES.sub("", line) for line in re.split("\x1b\\[2K|\n", capsys.readouterr().err)]
    assert max(map(len, shown)) <= width
    assert any(line.startswith("scanning folders") for line in shown)
    assert any(line.startswith("loading the encoder") for line in shown)
    assert any("65,432 of 123,456 files, 65.4/s, 0:14:47 left" in line for line in shown), shown
    assert "0/?" not in "".join(shown)


def test_what_is_waited_for_is_said_in_a_terminal_once_it_takes_its_time(
    vitrail: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(folder)
    query = folder / "warm" / "red.png"
    shown, looked = threading.Event(), images.embed_images

    def wait_and_embed(*given: Any) -> Any:
        assert shown.wait(60), "it waits to be told"
        return looked(*given)

    monkeypatch.setattr("rich.status.Status.start", lambda _: shown.set())
    monkeypatch.setattr(displays, "PATIENCE", 0.0)
    monkeypatch.setattr(images, "embed_images", wait_and_embed)
    assert vitrail.at(80, "search", query, term="xterm").code == 0, "it waited to be told"
    shown.clear()
    monkeypatch.setattr(images, "embed_images", looked)
    monkeypatch.setattr(displays, "PATIENCE", 1000.0)
    assert vitrail.at(80, "search", query, term="xterm").code == 0
    assert not shown.is_set(), "nor is a quick answer told, nor waited for"


@pytest.mark.parametrize("viewer", [lambda: GenerationViewer(quiet=False), SearchViewer])
def test_a_note_never_reaches_the_terminal_as_anything_but_text(
    viewer: Callable[[], GenerationViewer | SearchViewer], capsys: pytest.CaptureFixture[str]
) -> None:
    with viewer() as looking:
        looking(Note("“\x1b]0;x\x07” is none of them"))
    assert capsys.readouterr().err == "note: “\\x1b]0;x\\x07” is none of them\n"
