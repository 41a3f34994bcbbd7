"""Files and folders that are named to a command, whatever they are called."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.service.colours import CHECKPOINT
from tests.service.conftest import Vitrail


def test_a_missing_collection_names_the_remedy(vitrail: Vitrail, folder: Path) -> None:
    for words in (["search", folder / "warm" / "red.png"], ["info"], ["rejects"], ["verify"]):
        vitrail.fails(*words, code=1, says=["no collection at", str(vitrail.home), "vitrail index"])


def test_the_systems_own_errors_name_the_path(vitrail: Vitrail, folder: Path) -> None:
    blocked = folder / "warm" / "red.png" / "collection"
    vitrail.fails(
        *("index", folder, "--checkpoint", CHECKPOINT, "-c", blocked), code=1, says=[str(blocked)]
    )
    (folder / "other").mkdir()
    (folder / "other" / "mine.txt").touch()
    vitrail.fails(
        *("index", folder, "--checkpoint", CHECKPOINT, "-c", folder / "other"),
        code=1,
        says=["mine.txt", "empty or new directory"],
    )


def test_file_names_in_any_bytes_are_shown(vitrail: Vitrail, folder: Path) -> None:
    strange = os.fsencode(folder) + b"/\xff[bold]\x1b[31m.png"
    shutil.copy(os.fsencode(folder / "warm" / "red.png"), strange)
    vitrail.index(folder)
    shown = vitrail("search", folder / "warm" / "red.png", "--k", 1)
    hit = vitrail("search", folder / "warm" / "red.png", "--k", 1, "--json").json["hits"][0]
    assert len(hit["paths"]) == 2, "the same bytes twice are one image"
    assert "\x1b" not in shown.out
    (folder / "warm" / "red.png").unlink()
    vitrail("index", folder)
    alone = vitrail("search", folder / "warm" / "crimson.png", "--k", 2)
    assert r"\xff[bold]\x1b[31m.png" in alone.out


def test_a_place_that_cannot_be_written_is_refused_before_the_search(
    vitrail: Vitrail, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(folder)
    query = folder / "warm" / "red.png"
    monkeypatch.setattr(
        "vitrail.service.operations.collection.Collection.find",
        lambda *_, **__: pytest.fail("asked"),
    )
    lost = vitrail("search", query, "--html", tmp_path / "no" / "sheet.html")
    assert lost.code == 2
    assert "there is no folder" in lost.err
    assert "it is a folder" in vitrail("search", query, "--html", tmp_path).err


def test_a_home_is_understood_where_files_are_written(
    vitrail: Vitrail, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    vitrail.index(folder)
    assert vitrail("search", folder / "warm" / "red.png", "--html", "~/sheet.html").code == 0
    assert (tmp_path / "sheet.html").is_file()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("info", "-c", "{}"), "there is no collection at"),
        (("import", "{}.parquet", "-c", "other"), "~nobody-at-all.parquet"),
        (("export", "{}/all.parquet"), "~nobody-at-all"),
        (("search", "red.png", "--html", "{}/hits.html"), "~nobody-at-all"),
        (("search", "{}"), "~nobody-at-all"),
        (("annotate", "{}.csv"), "~nobody-at-all.csv"),
        (("remove", "{}"), "~nobody-at-all"),
        (("index", "{}"), "~nobody-at-all"),
        (("search", "--prompt", "a", "--model", "{}"), "~nobody-at-all"),
    ],
)
def test_a_tilde_that_is_nobodys_home_is_part_of_a_name(
    vitrail: Vitrail, folder: Path, words: tuple[str, ...], says: str
) -> None:
    vitrail.index(folder)
    done = vitrail(*(word.format("~nobody-at-all") for word in words))
    assert done.code in (1, 2), done
    assert says in done.err
    assert "Traceback" not in done.err


@pytest.mark.skipif(os.name != "posix", reason="paths are Unicode there")
@pytest.mark.parametrize("name", [b"\xff", b"new\nline", b"q?[*]", b"-dash", b"back\\slash"])
def test_tables_are_written_and_read_in_folders_of_any_name(
    vitrail: Vitrail, folder: Path, tmp_path: Path, name: bytes
) -> None:
    vitrail.index(folder)
    place = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))
    place.mkdir()
    for ending in ("parquet", "csv", "jsonl"):
        done = vitrail("export", place / f"all.{ending}")
        assert done.code == 0, done
    assert len(os.listdir(place)) == 3
    done = vitrail("import", place / "all.parquet", "-c", tmp_path / "other")
    assert done.code == 0, done
    pq.write_table(pa.table({"path": ["red.png"], "mood": ["warm"]}), tmp_path / "own.parquet")
    shutil.move(tmp_path / "own.parquet", place / "own.parquet")
    assert vitrail("annotate", place / "own.parquet").code == 0
    assert len(vitrail("list", "--json", "--where", "mood = 'warm'").json) == 1
