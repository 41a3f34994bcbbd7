from __future__ import annotations

from pathlib import Path

import pytest

from indexer.catalog.annotations import match_paths
from indexer.collection.collection import Collection
from indexer.errors import InputError
from indexer.records import Batch
from tests.indexer.collection.holdings import FINGERPRINT, file, images


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    made = Collection.create(tmp_path / "c", FINGERPRINT)
    here = str(tmp_path / "here.jpg")
    paths = [here, "/pictures/owls/1.jpg", "/pictures/foxes/1.jpg", "/pictures/foxes/2.jpg"]
    made.commit(Batch(images(range(4)), [file(p, n) for n, p in enumerate(paths)]))
    return made


def test_columns_are_joined_typed_and_updated(collection: Collection, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text(
        "path,species,Weight,seen\n"
        "here.jpg,hare,3.5,2024-01-02\n"
        "/pictures/owls/1.jpg,owl,2,2024-01-03\n"
        "foxes/1.jpg,fox,6,2024-01-04\n"
        "2.jpg,vixen,5,2024-01-05\n"
        "1.jpg,either,1,2024-01-05\n"
        "none.jpg,ghost,0,2024-01-05\n"
    )
    with collection:
        report = collection.annotate(str(table))
        assert (report.columns, report.matched) == (("species", "Weight", "seen"), 4)
        assert [(u.row, u.reason) for u in report.unmatched] == [
            (5, "names 2 images"),
            (6, "names no indexed image"),
        ]
        assert collection.allowed_ids("weight > 4 and year(seen) = 2024").tolist() == [3, 4]
        table.write_text("path,species,note\nhere.jpg,rabbit,long ears\n")
        collection.annotate(str(table))
        [first, second] = collection.metadata([1, 2])
        assert (first["species"], first["Weight"], first["note"]) == ("rabbit", 3.5, "long ears")
        assert (second["species"], second["note"]) == ("owl", None)
        table.write_text("path,weight\nhere.jpg,heavy\n")
        collection.annotate(str(table))
        assert [row["Weight"] for row in collection.metadata([1, 2])] == ["heavy", "2.0"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("own.csv", "file,species\na,b\n", "no column 'path'; it has file, species"),
        ("own.csv", "path\na\n", "only the column 'path'"),
        ("own.csv", "path,Width\na,3\n", "'Width' is one which every collection has"),
        ("own.parquet", "no parquet", "cannot be read"),
        ("own.xlsx", "", "give a .csv, .tsv or .parquet"),
    ],
)
def test_tables_that_cannot_be_used(
    collection: Collection, tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with collection, pytest.raises(InputError, match=message):
        collection.annotate(str(tmp_path / name))


def test_a_table_that_is_not_there(collection: Collection, tmp_path: Path) -> None:
    with collection, pytest.raises(InputError, match="there is no file"):
        collection.annotate(str(tmp_path / "missing.csv"))


def test_paths_match_by_whole_parts_only() -> None:
    known = {"/a/cat.jpg": "1", "/a/tomcat.jpg": "2"}
    found, unmatched = match_paths(["cat.jpg", "at.jpg", None, "tomcat.jpg"], "/x", known)
    assert found == ["1", None, None, "2"]
    assert [row.row for row in unmatched] == [2, 3]
