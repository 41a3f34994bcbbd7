"""Readers: of one commit, of older formats, cold and warm."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FILTERED, FINGERPRINT, file, files, images
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import CollectionError, InputError
from vitrail.indexer.records import Batch
from vitrail.indexer.segments import leftovers


def test_a_reader_stays_at_its_commit_until_refreshed(
    collection: CollectionStore, place: str
) -> None:
    collection.commit(Batch(images([1]), files([1])))
    with CollectionStore.open(place) as reader:
        assert len(reader.index("cls@2").ids()) == 1
        collection.commit(Batch(images([2]), files([2])))
        collection.remove([1])
        assert len(reader) == 1
        assert reader.allowed_ids("true").tolist() == [1]
        assert reader.index("cls@2").ids().tolist() == [1]
        assert reader.refresh()
        assert not reader.refresh()
        assert reader.index("cls@2").ids().tolist() == [2]
        assert reader.allowed_ids("true").tolist() == [2]


@pytest.mark.parametrize("grace", [0.0, 900.0], ids=["at once", "later"])
def test_a_reader_survives_a_merge_it_did_not_see(
    place: str, grace: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "GRACE", grace)
    with CollectionStore.create(place, FINGERPRINT) as writer:
        for number in range(10):
            writer.commit(Batch(images([number]), files([number])))
        writer.remove([4])
        reader = CollectionStore.open(place)
        writer.maintain()
        assert len(os.listdir(os.path.join(place, "segments"))) == (11 if grace else 1)
    with reader:
        assert sorted(reader.index("mean@1").ids().tolist()) == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert verify(place).clean


def test_readers_cannot_write(collection: CollectionStore, place: str) -> None:
    with (
        CollectionStore.open(place) as reader,
        pytest.raises(CollectionError, match="reading only"),
    ):
        reader.commit(Batch(images([1]), files([1])))


def test_a_lost_segment_is_told_again_and_again(place: str) -> None:
    with CollectionStore.create(place, FINGERPRINT) as writer:
        for start in (0, 3):
            numbers = range(start, start + 3)
            writer.commit(Batch(images(numbers), files(numbers)))
        lost = writer.state.segments[1].name
        writer.forget_changes()  # no index holds what the segment held
    os.unlink(os.path.join(place, "segments", lost))
    with CollectionStore.open(place) as reader:
        for _ in range(2):
            with pytest.raises(CollectionError, match=f"segment {lost} is missing"):
                reader.index("cls@2")


def test_a_cold_reading_loads_neither_arrow_nor_a_model(place: str) -> None:
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(3)), files(range(3))))
    code = (
        "import sys; from vitrail.indexer.collection.store import CollectionStore\n"
        f"c = CollectionStore.open({place!r})\n"
        "c.index('cls@2').ids(); c.metadata([1]); c.allowed_ids('width > 1')\n"
        "heavy = {'pyarrow', 'torch', 'transformers', 'openvino', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_warm_reader_and_a_large_catalog_answer_the_same(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "own.csv"
    table.write_text("path,species\n/pictures/2.jpg,owl\n")
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(FILTERED, [*files([1, 2, 3]), file("/twice.jpg", 2, label="b")]))
        writer.annotate(str(table))
        expected = writer.metadata([3, 1, 2, 3])
        with CollectionStore.open(place) as reader:
            assert reader.metadata([3, 1, 2, 3]) == expected
            reader.warm()
            assert reader.metadata([3, 1, 2, 3]) == expected
            assert reader.metadata([]) == []
            with pytest.raises(InputError, match="no image with id 7"):
                reader.metadata([7])
        monkeypatch.setattr("vitrail.indexer.catalog.private_copy.IN_MEMORY", 0)
        with CollectionStore.open(place) as reader:
            assert reader.metadata([3, 1, 2, 3]) == expected
            reader.warm()
            writer.commit(Batch(images([9]), files([9])))
            assert reader.allowed_ids("species = 'owl' or label is null").tolist() == [1, 2, 3]
            assert reader.refresh()
            assert len(reader.metadata([4])[0]["paths"]) == 1


@pytest.mark.parametrize("name", ["collection-v1", "collection-v2", "collection-v3"])
def test_a_large_catalog_of_an_older_format_can_be_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its copy is brought up to date, for which DuckDB needs the folder that it lies in."""
    place = shutil.copytree(Path(__file__).parents[2] / "golden" / name, tmp_path / "c")
    with CollectionStore.open(place) as reader:
        expected = reader.metadata(reader.allowed_ids("true").tolist())
    monkeypatch.setattr("vitrail.indexer.catalog.private_copy.IN_MEMORY", 0)
    with CollectionStore.open(place) as reader:
        assert reader.metadata(reader.allowed_ids("true").tolist()) == expected


def test_where_no_room_is_for_a_file_memory_serves_unless_the_catalog_is_too_large(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    CollectionStore.create(place, FINGERPRINT).close()
    monkeypatch.setattr("vitrail.indexer.catalog.private_copy.IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with CollectionStore.open(place) as reader:
        assert len(reader) == 0
    monkeypatch.setattr("vitrail.indexer.catalog.private_copy.MOST_IN_MEMORY", 0)
    with pytest.raises(CollectionError, match="no room for a copy of the catalog"):
        CollectionStore.open(place)
