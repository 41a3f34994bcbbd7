from __future__ import annotations

from pathlib import Path

import pytest

from tests.indexer.collection.holdings import (
    FINGERPRINT,
    OTHER,
    content,
    file,
    files,
    image,
    images,
)
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import take_out
from vitrail.indexer.collection.transfer import Imported, export, import_into
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import FingerprintMismatchError, InputError
from vitrail.indexer.records import Batch, RejectRecord


def test_a_collection_goes_through_one_file_with_the_users_own_columns(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("path,species\n/pictures/2.jpg,owl\n")
    exported = tmp_path / "all.parquet"
    with CollectionStore.create(tmp_path / "a", FINGERPRINT) as source:
        made = image(1, recipe={"prompt": "a red apple", "seed": 2**63})
        source.commit(Batch([made, *images([2, 3])], files([1, 2, 3])))
        source.annotate(str(table))
        source.remove([3])
        assert export(source, exported) == 2
        expected = source.metadata([1, 2])
    with CollectionStore.create(tmp_path / "b", FINGERPRINT) as target:
        assert import_into(target, exported) == Imported(images=2, new=2, files=2)
        again = import_into(target, exported)  # doubles nothing, and says so
        assert (again, again.known) == (Imported(images=2, new=0, files=0), 2)
        seen = {"added_at": None}  # by each collection at its own time
        told = [row.to_dict() | seen for row in expected]
        assert [row.to_dict() | seen for row in target.metadata([1, 2])] == told
        assert target.allowed_ids("species = 'owl'").tolist() == [2]


def test_files_that_cannot_be_exported_or_imported(tmp_path: Path) -> None:
    taken = tmp_path / "taken.parquet"
    taken.write_bytes(b"mine")
    with CollectionStore.create(tmp_path / "a", FINGERPRINT) as source:
        source.commit(Batch(images([1]), files([1])))
        with pytest.raises(InputError, match="exists already"):
            export(source, taken)
        with pytest.raises(InputError, match="no folder"):
            export(source, tmp_path / "nowhere" / "x.parquet")
        with pytest.raises(InputError, match="no exported collection"):
            import_into(source, taken)
        export(source, tmp_path / "good.parquet")
    with CollectionStore.create(tmp_path / "b", OTHER) as other:
        with pytest.raises(FingerprintMismatchError):
            import_into(other, tmp_path / "good.parquet")
        with pytest.raises(InputError, match="holds no images"):
            export(other, tmp_path / "empty.parquet")


@pytest.mark.parametrize("left", ["removed", "gone"])
def test_an_image_that_an_import_brings_back_has_its_file(tmp_path: Path, left: str) -> None:
    """It was live without any file: no path to show, never gone, and in the way of ``reembed``."""
    exported = tmp_path / "all.parquet"
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as collection:
        collection.commit(Batch(images([1, 2]), files([1, 2])))
        export(collection, exported)
        if left == "removed":
            collection.remove([2])
        else:
            collection.commit(Batch(gone=["/pictures/2.jpg"]))
        assert import_into(collection, exported) == Imported(images=2, new=1, files=1)
        ids = collection.allowed_ids("true").tolist()
        paths = [row["paths"] for row in collection.metadata(ids)]
        assert paths == [["/pictures/1.jpg"], ["/pictures/2.jpg"]]
        assert collection.known_files()["/pictures/2.jpg"].state == "live"
    assert verify(tmp_path / "c").clean


def test_an_import_leaves_a_file_that_was_taken_out_of_an_image_that_stays(tmp_path: Path) -> None:
    exported = tmp_path / "all.parquet"
    twice = [*files([1]), file("/pictures/copy.jpg", 1)]
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as collection:
        collection.commit(Batch(images([1]), twice))
        export(collection, exported)
        take_out(collection, ["/pictures/copy.jpg"])
        assert import_into(collection, exported) == Imported(images=1, new=0, files=0)
        assert collection.known_files()["/pictures/copy.jpg"].state == "removed"


@pytest.mark.parametrize("state", ["live", "rejected", "waiting", "removed"])
def test_an_image_whose_paths_are_all_known_here_as_others_is_left_out(
    tmp_path: Path, state: str
) -> None:
    """It would be live without any file, so that nothing could show it and no index end it."""
    exported, table = tmp_path / "all.parquet", tmp_path / "own.csv"
    table.write_text("path,species\n/pictures/1.jpg,owl\n/pictures/2.jpg,fox\n")
    with CollectionStore.create(tmp_path / "a", FINGERPRINT) as source:
        source.commit(Batch(images([1, 2, 3]), [*files([1, 2, 3]), file("/copy/3.jpg", 3)]))
        source.annotate(str(table))
        export(source, exported)
    with CollectionStore.create(tmp_path / "b", FINGERPRINT) as target:
        theirs = [file(f"/pictures/{n}.jpg", 10 + n) for n in (1, 3)]
        target.commit(Batch(images([11, 13]), theirs))
        if state == "rejected":
            target.commit(
                Batch(rejects=[RejectRecord(f"/pictures/{n}.jpg", 1, 2, "x", "") for n in (1, 3)])
            )
        elif state == "waiting":
            target.commit(Batch(gone=["/pictures/1.jpg", "/pictures/3.jpg"]))
        elif state == "removed":
            target.remove([1, 2])
        before = len(target)
        expected = Imported(images=3, new=2, files=2, left_out=("/pictures/1.jpg",))
        assert import_into(target, exported) == expected
        assert expected.known == 0
        assert len(target) == before + 2
        rows = target.metadata(target.allowed_ids("true").tolist())
        assert all(row["paths"] for row in rows), "none is without a file"
        assert content(1) not in target.content_hashes()
        assert len(target.allowed_ids("species = 'fox'")) == 1
        assert len(target.allowed_ids("species = 'owl'")) == 0
        again = import_into(target, exported)
        assert (again.new, again.known, again.left_out) == (0, 2, ("/pictures/1.jpg",))
    assert verify(tmp_path / "b").clean


def test_an_image_that_a_batch_leaves_without_a_file_is_not_entered(tmp_path: Path) -> None:
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as collection:
        collection.commit(Batch(images([1, 2]), [file("/a.jpg", 1), file("/a.jpg", 2)]))
        assert collection.content_hashes() == {content(2)}
        collection.commit(Batch(gone=["/a.jpg"]))
        collection.commit(Batch(images([2])))
        assert len(collection) == 0, "nor does it come back"
