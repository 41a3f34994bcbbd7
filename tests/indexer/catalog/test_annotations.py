from __future__ import annotations

import os
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.indexer.collection.holdings import FINGERPRINT, file, images
from vitrail.indexer.catalog import tables
from vitrail.indexer.catalog.annotations import match_paths
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError
from vitrail.indexer.records import Batch


@pytest.fixture
def collection(tmp_path: Path) -> CollectionStore:
    made = CollectionStore.create(tmp_path / "c", FINGERPRINT)
    here = str(tmp_path / "here.jpg")
    paths = [here, "/pictures/owls/1.jpg", "/pictures/foxes/1.jpg", "/pictures/foxes/2.jpg"]
    made.commit(Batch(images(range(4)), [file(p, n) for n, p in enumerate(paths)]))
    return made


def test_columns_are_joined_typed_and_updated(collection: CollectionStore, tmp_path: Path) -> None:
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
    collection: CollectionStore, tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with collection, pytest.raises(InputError, match=message):
        collection.annotate(str(tmp_path / name))


def test_a_table_that_is_not_there(collection: CollectionStore, tmp_path: Path) -> None:
    with collection, pytest.raises(InputError, match="there is no file"):
        collection.annotate(str(tmp_path / "missing.csv"))


def test_paths_match_by_whole_parts_only() -> None:
    known = {"/a/cat.jpg": "1", "/a/tomcat.jpg": "2"}
    found, unmatched = match_paths(["cat.jpg", "at.jpg", None, "tomcat.jpg"], "/x", known)
    assert found == ["1", None, None, "2"]
    assert [row.row for row in unmatched] == [2, 3]


@pytest.mark.parametrize("name", ["image_id", "width", "Width", "missing", "__row", "added_at"])
def test_names_that_older_versions_took_hide_nothing(
    collection: CollectionStore, tmp_path: Path, name: str
) -> None:
    table = tmp_path / "own.csv"
    table.write_text("path,species\nhere.jpg,hare\n")
    with collection:
        collection.annotate(str(table))
    place = collection.directory
    with duckdb.connect(os.path.join(place, "catalog.duckdb")) as connection:
        connection.execute(f'ALTER TABLE annotations ADD COLUMN "{name}" INTEGER DEFAULT 7')
    with CollectionStore.open(place) as cold, CollectionStore.open(place) as warm:
        warm.warm()
        for one in (cold, warm):
            [row] = one.metadata([1])
            assert (row["id"], row["width"], row["species"]) == (1, 640, "hare")
            assert row["added_at"] is not None
            assert one.allowed_ids("species = 'hare' and width = 640").tolist() == [1]
    with CollectionStore.open(place, writable=True) as writer:
        writer.annotate(str(table))  # which leaves the old column behind
        assert writer.metadata([1])[0]["species"] == "hare"


def test_a_refused_table_changes_nothing(collection: CollectionStore, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    with collection:
        table.write_text("path,species\nhere.jpg,hare\n")
        collection.annotate(str(table))
        before = collection.state.seq
        for text in (
            "path,species\nhere.jpg,owl\nhere.jpg\n",
            "path,species,image_id\nhere.jpg,owl,3\n",
            "path,species,Species\nhere.jpg,owl,3\n",
            f"path,species\nhere.jpg,{'x' * 100_001}\n",
            "path," + ",".join(f"c{n}" for n in range(300)) + "\n",
        ):
            table.write_text(text)
            with pytest.raises(InputError):
                collection.annotate(str(table))
        assert collection.state.seq == before
        assert collection.metadata([1])[0]["species"] == "hare"


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", ""], "BIGINT"),
        (["1", "2.5", "nan"], "DOUBLE"),
        (["true", "False"], "BOOLEAN"),
        (["2024-05-06", ""], "DATE"),
        (["2024-05-06 07:08", "2024-05-06T07:08:09.5"], "TIMESTAMP"),
        (["2024-02-30", ""], "VARCHAR"),
        (["007", "008"], "VARCHAR"),
        (["9" * 19, "1"], "DOUBLE"),
        (["", ""], "VARCHAR"),
    ],
)
def test_kinds_of_csv_columns(
    collection: CollectionStore, tmp_path: Path, cells: list[str], kind: str
) -> None:
    table = tmp_path / "own.csv"
    names = ["here.jpg", "owls/1.jpg", "foxes/1.jpg"]
    rows = zip(names, [*cells, "", ""], strict=False)
    table.write_text("path;own\n" + "".join(f"{name};{cell}\n" for name, cell in rows))
    with collection:
        collection.annotate(str(table))
        assert collection.info().annotations == {"own": kind}


def _repeated(value: object, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([value]))


@pytest.mark.parametrize("big", ["path", "note"])
@pytest.mark.parametrize("typed", [True, False])
def test_a_small_parquet_file_that_unpacks_to_gigabytes_is_refused_before_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, big: str, typed: bool
) -> None:
    monkeypatch.setattr(tables, "MOST_BYTES", 64 << 20)
    lengths = {"path": 5, "note": 5} | {big: 9_000}
    table = pa.table({name: _repeated("y" * lengths[name], 100_000) for name in lengths})
    file = tmp_path / "bomb.parquet"
    pq.write_table(table, file, compression="zstd", store_schema=typed)
    assert file.stat().st_size < 10_000
    before = pa.total_allocated_bytes()
    with pytest.raises(InputError, match="unpacks to more than"):
        tables.read_own_table(str(file))
    assert pa.total_allocated_bytes() <= before
    assert pa.default_memory_pool().max_memory() - before < 900_000_000


def test_rows_that_take_no_room_are_bounded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 99_999)
    table = pa.table({"path": _repeated("a.png", 100_000), "n": _repeated(1, 100_000)})
    pq.write_table(table, tmp_path / "bomb.parquet")
    with pytest.raises(InputError, match="100,000 rows, but 99,999 are the most"):
        tables.read_own_table(str(tmp_path / "bomb.parquet"))


def test_dictionaries_of_several_row_groups_are_read_as_their_values(tmp_path: Path) -> None:
    words = [f"word {number % 7}" for number in range(1000)]
    table = pa.table({"path": words, "mood": pa.array(words).dictionary_encode()})
    pq.write_table(table, tmp_path / "own.parquet", row_group_size=100)
    read = tables.read_own_table(str(tmp_path / "own.parquet"))
    assert read.paths == words
    assert read.columns["mood"].to_pylist() == words


@pytest.mark.parametrize("options", ["", ", ROW_GROUP_SIZE 2048", ", COMPRESSION zstd"])
def test_parquet_files_of_other_writers_are_read(options: str, tmp_path: Path) -> None:
    file = tmp_path / "other.parquet"
    duckdb.sql(
        f"COPY (SELECT '/p/' || i || '.jpg' AS path, i AS stars, [i, 2] AS both "
        f"FROM range(5000) t(i)) TO '{file}' (FORMAT parquet{options})"
    )
    read = tables.read_own_table(str(file)).columns
    assert read.num_rows == 5000
    assert read["stars"].to_pylist() == list(range(5000))
    none = pa.table({"path": pa.array([], pa.string()), "x": pa.array([], pa.int64())})
    pq.write_table(none, file)
    assert tables.read_own_table(str(file)).columns.num_rows == 0
