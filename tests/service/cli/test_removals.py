"""Images, files and folders that are removed, and what waits and is tidied."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.conftest import Vitrail
from vitrail.indexer.segments import leftovers

Paint = Callable[..., Path]


def test_folders_and_globs_are_removed(vitrail: Vitrail, folder: Path, paint: Paint) -> None:
    paint("warm/deep/pink.png", (255, 100, 120))
    vitrail.index(folder)
    shown = vitrail("remove", folder / "warm", "--dry-run")
    assert "would remove 3 images" in shown.out
    assert str(folder / "warm" / "red.png") in shown.out
    assert vitrail("info", "--json").json["images"] == 6
    assert "removed 3 images" in vitrail("remove", "warm/**").out
    assert "removed 1 image" in vitrail("remove", "b*.png").out
    vitrail("index", folder)
    assert vitrail("info", "--json").json["images"] == 2
    vitrail.fails("remove", "none/**", code=2, says=["'none/**'"])
    vitrail.fails("remove", folder / "nowhere", code=2, says=["nowhere"])


def test_a_removed_file_leaves_an_image_that_has_another(vitrail: Vitrail, folder: Path) -> None:
    red = folder / "warm" / "red.png"
    copy = folder / "cold" / "copy.png"
    shutil.copy(red, copy)
    vitrail.index(folder)
    told = vitrail("remove", red)
    assert "1 file" in told.out
    assert "stays" in told.out
    (hit,) = vitrail("search", red, "--k", 1, "--json").json["hits"]
    assert hit["paths"] == [str(copy)]
    vitrail("index", folder)
    (hit,) = vitrail("search", red, "--k", 1, "--json").json["hits"]
    assert hit["paths"] == [str(copy)], "it stays out while it does not change"
    assert vitrail("verify").code == 0


def test_tidy_ends_waiting_and_says_what_is_left(vitrail: Vitrail, many: Path) -> None:
    vitrail.index(many)
    for number in range(3):
        (many / "abc"[number] / f"{number}.png").unlink()
    vitrail("index", many)
    told = vitrail("tidy", "--grace", "90")
    assert told.code == 0
    assert "0 images given up" in told.out
    assert "3 kept for 90 days since" in told.out
    assert vitrail("info", "--json").json["waiting"]["grace_days"] == 90
    assert "3 images given up" in vitrail("tidy", "--now").out
    assert vitrail("info", "--json").json["waiting"]["images"] == 0
    vitrail.fails("tidy", "--grace", "-3", code=2, says=["-3 days", "0 to"])
    assert vitrail("verify").code == 0


def test_a_folder_that_is_removed_is_not_indexed_again(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder / "warm")
    vitrail("index", folder / "cold")
    told = vitrail("remove", folder / "warm")
    assert "removed 2 images" in told.out
    assert "no longer indexed" in told.out
    assert [root["path"] for root in vitrail("info", "--json").json["roots"]] == [
        str(folder / "cold")
    ]
    assert "3 files" in vitrail("index").err


def test_what_waits_can_be_removed(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    aside = folder.parent / "aside"
    (folder / "warm").rename(aside)
    vitrail("index", folder)
    assert "removed 2 images" in vitrail("remove", folder / "warm").out
    assert vitrail("info", "--json").json["waiting"]["images"] == 0
    aside.rename(folder / "warm")
    vitrail("index", folder)
    assert vitrail("info", "--json").json["images"] == 3, "it is out for good"
    (folder / "warm").rename(folder / "hot")
    vitrail("index", folder)
    assert vitrail("info", "--json").json["images"] == 3, "also when it is moved"


@pytest.mark.parametrize("removed_first", [True, False])
def test_what_was_removed_stays_that_when_its_file_comes_back(
    vitrail: Vitrail, folder: Path, tmp_path: Path, removed_first: bool
) -> None:
    vitrail.index(folder)
    red, away = folder / "warm" / "red.png", tmp_path / "red.png"

    def leave() -> None:
        red.rename(away)
        vitrail.index(folder)

    def remove() -> None:
        assert vitrail("remove", red).code == 0

    for step in (remove, leave) if removed_first else (leave, remove):
        step()
    away.rename(red)
    vitrail.index(folder)
    assert vitrail("tidy", "--now").code == 0
    assert "0 new" in vitrail.index(folder).err
    assert "red.png" not in vitrail("search", folder / "warm" / "crimson.png").names


@pytest.mark.parametrize("by", ["id", "hash", "name"])
def test_what_waits_can_be_removed_by_what_names_an_image(
    vitrail: Vitrail, folder: Path, by: str
) -> None:
    vitrail.index(folder)
    red, away = folder / "warm" / "red.png", folder.parent / "red.png"
    row = vitrail("search", red, "--k", 1, "--json").json["hits"][0]
    word = {"id": row["id"], "hash": row["metadata"]["content_hash"][:12], "name": "red.png"}[by]
    red.rename(away)
    vitrail.index(folder)
    assert vitrail("info", "--json").json["waiting"]["images"] == 1
    vitrail.fails("search", word, code=2, says=[str(word)])
    assert "would remove 1 image" in vitrail("remove", word, "--dry-run").out
    assert vitrail("remove", word).out == "removed 1 image\n"
    assert vitrail("info", "--json").json["waiting"]["images"] == 0
    vitrail.fails("remove", word, code=2, says=[str(word)])
    away.rename(red)
    assert "0 new" in vitrail.index(folder).err
    assert vitrail("info", "--json").json["images"] == 4
    assert vitrail("verify").code == 0


def test_tidying_says_what_it_has_freed_and_what_comes_later(
    vitrail: Vitrail, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(many)
    segments = vitrail.home / "segments"

    def held() -> int:
        kept = [
            path for folder in ("segments", "indexes") for path in (vitrail.home / folder).iterdir()
        ]
        return sum(path.stat().st_size for path in kept)

    before = held()
    for name in ("a", "b"):
        shutil.rmtree(many / name)
    vitrail.index(many, "--accept-removals")
    out = vitrail("tidy", "--now").out
    told = re.match(
        r"16 images given up, ([\d,]+) bytes freed, ([\d,]+) of them by the first command that "
        r"writes after 15 minutes\n",
        out,
    )
    assert told, out
    freed, later = (int(number.replace(",", "")) for number in told.groups())
    assert 0 < later <= freed
    assert len(list(segments.iterdir())) == 2, "readers may need the old one"
    monkeypatch.setattr(leftovers, "GRACE", 0.0)
    assert vitrail("tidy", "--now").out == "0 images given up, 0 bytes freed\n"
    assert before - held() == freed
