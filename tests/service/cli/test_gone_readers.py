"""What a command writes into files is there whether or not anybody reads on what it prints."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.service.conftest import Outcome, Vitrail
from tests.service.operations.painted import paint
from vitrail.indexer.wording import counted

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
COMMANDS = (
    "duplicates",
    "labels report",
    "labels suspects",
    "compare --a label='red' --b label='blue'",
    "calibrate",
    "map --layout pca",
    "sample --diverse 3",
    "search 1",
    "list",
)


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return paint(tmp_path_factory.mktemp("painted"), each=30)


@pytest.fixture
def scene(vitrail: Vitrail, painted: Path, tmp_path: Path) -> Vitrail:
    shutil.copytree(painted, tmp_path / "images")
    vitrail.index(tmp_path / "images", "--label-from", "parent")
    return vitrail


@pytest.fixture
def unread(scene: Vitrail, monkeypatch: pytest.MonkeyPatch) -> Vitrail:
    """The same, where the first line that is printed meets a closed pipe."""

    class Unread(Vitrail):
        def __call__(self, *words: object, stdin: bytes = b"") -> Outcome:
            read, write = os.pipe()
            os.close(read)
            with monkeypatch.context() as patch, open(write, "w", buffering=1) as gone:
                patch.setattr(sys, "stdout", gone)
                return scene(*words, stdin=stdin)

    return Unread(scene.home, monkeypatch, scene._capsys, scene._kept)


def test_pages_are_written_though_nobody_reads_on(unread: Vitrail, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    for command in COMMANDS:
        done = unread(*command.split(), "--html", page)
        assert done.code == 0, (command, done.err)
        assert "Traceback" not in done.err
        assert page.read_text("utf-8").rstrip().endswith("</html>"), command
        page.unlink()


def test_files_go_to_the_trash_though_nobody_reads_on(
    unread: Vitrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import send2trash

    moved: list[str] = []

    def move(path: str) -> None:
        moved.append(path)
        os.unlink(path)

    monkeypatch.setattr(send2trash, "send2trash", move)
    listed = tmp_path / "moved.jsonl"
    done = unread("duplicates", "--trash", "--yes", "--undo-list", listed)
    assert done.code == 0, done.err
    assert moved
    assert len(listed.read_text().splitlines()) == len(moved)
    assert f"{counted(len(moved), 'file')} moved to the trash" in done.err


def test_quiet_keeps_what_is_to_be_known_of_an_answer(scene: Vitrail, tmp_path: Path) -> None:
    words = ("labels", "report", "--sample", 20, "--quiet", "--html", tmp_path / "page.html")
    done = scene(*words)
    assert done.code == 0, done.err
    first, last = done.err.splitlines()
    assert first == (
        "note: learned from 20 of 93 images with a label, drawn at random; --sample takes more"
    )
    assert last == f"page: {tmp_path / 'page.html'}"
    done = scene("compare", "--a", "label='red'", "--quiet", "--html", tmp_path / "two.html")
    assert done.err.endswith(f"report: {tmp_path / 'two.html'}\n")
