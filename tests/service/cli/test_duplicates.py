"""The commands of docs/duplicates.md, as a user types them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from tests.search.duplicates.drawing import draw
from tests.service.colours import CHECKPOINT
from tests.service.conftest import Vitrail

PAGE = Path(__file__).parents[3] / "docs" / "duplicates.md"


@pytest.fixture
def copied(vitrail: Vitrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vitrail:
    """A folder Pictures of a trip, whose images were passed on, and indexed."""
    folder = tmp_path / "Pictures"
    folder.mkdir()
    draw(1).save(folder / "beach.png")
    draw(1).save(folder / "beach.jpg", quality=60)
    draw(1).resize((120, 90)).save(folder / "beach-small.jpg", quality=60)
    ImageOps.mirror(draw(1)).save(folder / "beach-mirrored.jpg")
    draw(2).save(folder / "harbour.png")
    draw(3).save(folder / "town.png")
    monkeypatch.chdir(tmp_path)
    vitrail.index(folder)
    return vitrail


@pytest.fixture
def trash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    import send2trash

    folder = tmp_path / "trash"
    folder.mkdir()
    monkeypatch.setattr(
        send2trash, "send2trash", lambda path: shutil.move(path, folder / Path(path).name)
    )
    return folder


def test_groups_are_lines_for_programs(copied: Vitrail) -> None:
    done = copied("duplicates")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert [(row[0], row[1], Path(row[4]).name) for row in rows] == [
        ("1", "keep", "beach.png"),
        ("1", "re-encoded", "beach.jpg"),
        ("1", "re-encoded", "beach-small.jpg"),
        ("1", "altered", "beach-mirrored.jpg"),
    ]
    assert rows[0][3] == "not compressed with loss"
    assert [row[3] for row in rows[2:]] == ["resized to 50%", "mirrored"]
    assert "1 group, 3 files beside the keepers" in done.err
    assert "6 images met by mean@1" in done.err


def test_images_of_one_colour_are_copies_where_every_pixel_is_the_same(
    vitrail: Vitrail, tmp_path: Path
) -> None:
    folder = tmp_path / "blank"
    folder.mkdir()
    for name, side, colour in (("a", 40, "navy"), ("b", 40, "navy"), ("c", 40, "black")):
        Image.new("RGB", (side, side), colour).save(folder / f"{name}.png")
    Image.new("RGB", (40, 40), "navy").save(folder / "b.bmp")
    Image.new("RGB", (80, 80), "navy").save(folder / "large.png")
    vitrail.index(folder)
    rows = [line.split("\t") for line in vitrail("duplicates").out.splitlines()]
    named = sorted((row[1], Path(row[4]).name) for row in rows)
    assert named == [("identical", "a.png"), ("identical", "b.png"), ("keep", "b.bmp")]


def test_groups_are_a_table_of_80_columns_for_people(copied: Vitrail) -> None:
    done = copied.at(80, "duplicates")
    assert done.code == 0
    lines = done.out.splitlines()
    assert any(re.match(r"\s*group\s+what\s+id\s+why", line) for line in lines)
    assert any("re-encoded" in line and "resized to 50%" in line for line in lines)
    assert all(len(line) <= 80 for line in lines if "/" not in line)


def test_json_says_all(copied: Vitrail) -> None:
    told = copied("duplicates", "--json", "--look-alikes", "--quiet").json
    (group,) = told["groups"]
    assert group["keeper"]["paths"][0].endswith("beach.png")
    assert [copy["tier"] for copy in group["copies"]] == ["re-encoded", "re-encoded", "altered"]
    assert group["copies"][1]["says"] == ["resized to 50%"]
    assert told["recall"] == 1


class _Sources(HTMLParser):
    """What a page would load, and whether it runs anything."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.scripts += tag == "script" or any(name.startswith("on") for name in given)
        if tag == "img":
            self.images.append(given.get("src") or "")


def test_the_page_shows_each_copy_beside_its_keeper_and_loads_nothing(
    copied: Vitrail, tmp_path: Path
) -> None:
    page = tmp_path / "duplicates.html"
    shutil.copyfile("Pictures/beach-small.jpg", "Pictures/beach-small-again.jpg")
    copied("index", "Pictures")
    assert copied("duplicates", "--html", page).code == 0
    text = page.read_text("utf-8")
    assert text.count("<dt>files</dt><dd>2 alike</dd>") == 1
    seen = _Sources()
    seen.feed(text)
    assert len(seen.images) == 2 * 3
    assert all(image.startswith("data:image/") for image in seen.images)
    assert not seen.scripts
    assert "default-src 'none'" in text
    for word in ("not compressed with loss", "re-encoded", "mirrored", "beach-small-again.jpg"):
        assert word in text


def test_decisions_are_said_listed_and_undone(copied: Vitrail) -> None:
    done = copied("decide", "not-duplicates", "beach.png", "beach-mirrored.jpg")
    assert done.code == 0, done.err
    token = re.match(r"decided ([0-9a-f]{16}): not-duplicates, of 2 images", done.out)
    assert token
    assert f"vitrail decide undo {token[1]}" in done.err
    assert "mirrored" not in copied("duplicates").out
    assert "beach-mirrored.jpg" in copied("decisions").out
    (told,) = copied("decisions", "--json").json
    assert (told["token"], told["undone"], len(told["images"])) == (token[1], False, 2)
    assert copied("decide", "undo").out.startswith(f"undone {token[1]}")
    assert "(undone)" in copied("decisions").out
    assert "mirrored" in copied("duplicates").out
    copied.fails("decide", "undo", code=2, says=["no decision to undo"])


def test_decisions_are_carried_to_another_collection_by_a_file(
    copied: Vitrail, tmp_path: Path
) -> None:
    copied("decide", "not-duplicates", "beach.png", "beach-mirrored.jpg")
    copied("decide", "keep", "town.png")
    copied("decide", "undo")
    told = copied("decisions", "--export", "log.json").out
    assert told == "2 decisions and 1 undoing written to log.json\n", "as many as are listed"
    copied("index", "Pictures", "--collection", "other", "--checkpoint", CHECKPOINT)
    for added in (
        "2 decisions and 1 undoing added",
        "0 decisions added",
    ):  # what is there is not added again
        assert (
            copied("decisions", "--import", "log.json", "--collection", "other").out == added + "\n"
        )
    log = [copied("decisions", "--json", *words).json for words in ((), ("--collection", "other"))]
    assert log[0] == log[1]
    assert [one["undone"] for one in log[1]] == [False, True]
    assert "mirrored" not in copied("duplicates", "--collection", "other").out
    before = (tmp_path / "log.json").read_bytes()
    copied.fails("decisions", "--export", "log.json", code=2, says=["exists already"])
    assert (tmp_path / "log.json").read_bytes() == before
    (tmp_path / "log.json").write_bytes(before.replace(b"not-duplicates", b"not-dupl"))
    copied.fails("decisions", "--import", "log.json", code=2, says=["cannot be used"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("decide", "maybe", "1"), ["'maybe' is no decision", "same, not-duplicates, keep, undo"]),
        (("decide", "same", "1"), ["2 images or more, not of 1"]),
        (("decide", "same", "1", "1"), ["twice"]),
        (("decide", "keep", "nowhere.png"), ["nowhere.png"]),
        (("decide", "undo", "1", "2"), ["one decision, not 2"]),
        (("decide", "undo", "feed"), ["'feed' is no decision", "vitrail decisions"]),
        (("decisions", "--import", "nowhere.json"), ["nowhere.json is not there"]),
        (("decisions", "--import", "Pictures/town.png"), ["town.png holds no decisions"]),
        (("decisions", "--export", "Pictures"), ["Pictures exists already"]),
        (("decisions", "--export", "nowhere/a.json"), ["cannot write", "nowhere/a.json"]),
        (("decisions", "--export", "a.json", "--json"), ["one of them"]),
        (("duplicates", "--yes"), ["belong to --trash"]),
        (("duplicates", "--trash", "--tier", "sure"), ["'sure' is no tier", "identical"]),
        (("duplicates", "--space", "gem@9"), ["gem@9", "mean@1"]),
        (("duplicates", "--where", "size >"), ["size >"]),
        (("duplicates", "--html", "nowhere/a.html"), ["nowhere"]),
        (("duplicates", "--trash"), ["nobody can be asked here", "--yes"]),
    ],
)
def test_what_cannot_be_done_is_a_line_and_changes_nothing(
    copied: Vitrail, words: tuple[str, ...], says: list[str]
) -> None:
    done = copied(*words)
    assert done.code == 2, done
    last = done.err.splitlines()[-1]
    assert last.startswith("vitrail: ")
    assert all(one in last for one in says), last
    assert copied("decisions", "--json").json == []


def test_copies_go_to_the_trash_and_are_listed(
    copied: Vitrail, trash: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "Pictures"
    done = copied("duplicates", "--trash", "--yes", "--undo-list", "moved.jsonl", "--quiet")
    assert done.code == 0, done.err
    assert "2 files moved to the trash, listed in moved.jsonl" in done.err
    assert {path.name for path in trash.iterdir()} == {"beach.jpg", "beach-small.jpg"}
    assert (folder / "beach.png").exists()
    lines = [json.loads(line) for line in Path("moved.jsonl").read_text().splitlines()]
    assert {Path(line["path"]).name for line in lines} == {"beach.jpg", "beach-small.jpg"}
    assert copied("index", "--yes").code == 0 or copied("index").code == 0
    done = copied("duplicates", "--trash", "--tier", "altered", "--yes")
    assert "1 file moved" in done.err
    assert len([*tmp_path.glob("vitrail-trashed-*.jsonl")]) == 1


def test_an_interruption_tells_where_what_went_is_listed(
    copied: Vitrail, trash: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import send2trash

    move = send2trash.send2trash

    def interrupted(path: str) -> None:
        if any(trash.iterdir()):
            raise KeyboardInterrupt
        move(path)

    monkeypatch.setattr(send2trash, "send2trash", interrupted)
    done = copied("duplicates", "--trash", "--yes", "--undo-list", "moved.jsonl", "--quiet")
    told = "moved.jsonl lists the files that were moved, and the one that was tried last"
    assert (done.code, done.err.splitlines()[-2:]) == (130, [told, "vitrail: interrupted"])
    assert len(Path("moved.jsonl").read_text().splitlines()) == 2


def test_every_command_of_the_guide_runs(copied: Vitrail, trash: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    commands = [
        shlex.split(line, comments=True)[1:]
        for block in blocks
        for line in block.splitlines()
        if line.startswith("vitrail ")
    ]
    assert len(commands) > 8
    copied("index", "Pictures", "--collection", "other", "--checkpoint", CHECKPOINT)
    for words in commands:
        done = copied(*words)
        assert done.code == 0, (words, done.err)
