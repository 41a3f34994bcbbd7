from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.indexer.collection.holdings import FINGERPRINT, content, files, images, vector
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.schema import FORMAT, recipe_columns
from vitrail.indexer.collection.deciding import decide
from vitrail.indexer.collection.derivation import whiten
from vitrail.indexer.collection.maintenance import save_index
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import CollectionError
from vitrail.indexer.records import Batch

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    copy = tmp_path / "collection"
    shutil.copytree(GOLDEN / "collection-v1", copy)
    (copy / "generated").mkdir(exist_ok=True)
    return copy


def _check(collection: CollectionStore) -> None:
    collection.check(FINGERPRINT)
    assert collection.content_hashes() == {content(n) for n in (1, 2, 3)}
    assert collection.allowed_ids("prompt = 'a red apple' and seed = 7").tolist() == [3]
    assert collection.metadata([3])[0]["sampler"] == "ddim"
    found = collection.index("cls@2").search(vector(2, "cls@2")[None], 1)
    assert collection.metadata(found.ids[0].tolist())[0]["content_hash"] == content(2)


def test_format_1_opens_for_reading_and_is_left_as_it_is(old: Path) -> None:
    before = (old / "catalog.duckdb").read_bytes()
    with CollectionStore.open(old) as collection:
        _check(collection)
    assert (old / "catalog.duckdb").read_bytes() == before


def test_format_1_is_migrated_by_a_writer(old: Path) -> None:
    with CollectionStore.open(old, writable=True) as collection:
        _check(collection)
        collection.commit(Batch(images([9]), files([9])))
        assert collection.state.format == FORMAT
    with CollectionStore.open(old) as collection:
        assert collection.content_hashes() == {content(n) for n in (1, 2, 3, 9)}
    assert verify(old).clean


@pytest.fixture(params=["collection-v1-lists", "collection-v2"])
def full(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A collection of format 1 or 2, with all that it could hold; see ``make_collection_v2``."""
    copy = tmp_path / "collection"
    shutil.copytree(GOLDEN / request.param, copy)
    (copy / "generated").mkdir(exist_ok=True)
    return copy


def _check_full(collection: CollectionStore) -> None:
    collection.check(FINGERPRINT)
    assert len(collection) == 596
    assert not collection.notes
    assert collection.allowed_ids("seed = 7 and tool is null").tolist() == [1]
    assert collection.allowed_ids("stars >= 3 and note is null").tolist() == [2]
    assert collection.allowed_ids("id < 10 and label = 'kind-2'").tolist() == [2, 8]
    assert collection.allowed_ids("latitude is not null or rating is not null").tolist() == []
    assert collection.allowed_ids("id between 3 and 8").tolist() == [3, 8]
    (row,) = collection.metadata([1])
    assert (row["recipe"]["scheduler"], row["sampler"]) == ("ddim", "ddim")
    assert row["predictions"] == [("apple", 0.75), ("pear", 0.25)]
    assert (row["stars"], row["note"]) == (5, "a")
    (row,) = collection.metadata([2])
    assert set(row["paths"]) == {"/backup/2.jpg", "/pictures/2.jpg"}
    assert row["keywords"] == []
    found = collection.index("cls@2").search(vector(9, "cls@2")[None], 1)
    assert found.ids[0].tolist() == [9]
    assert [reject.path for reject in collection.rejects()] == ["/pictures/bad.jpg"]


def test_an_old_format_opens_with_all_that_it_held(full: Path) -> None:
    with CollectionStore.open(full) as collection:
        _check_full(collection)
        assert collection.index("cls@2").kind.startswith("IVF")
    assert verify(full).clean


def test_an_old_format_goes_on_in_the_current_one(full: Path) -> None:
    new = [replace(image, rating=4, keywords=("sea", "red")) for image in images([700])]
    with CollectionStore.open(full, writable=True) as collection:
        _check_full(collection)
        for number in range(8):  # enough segments to be merged with the old ones
            collection.commit(Batch(images([800 + number]), files([800 + number])))
        collection.commit(Batch(new, files([700])))
        collection.maintain()
        assert len(collection.state.segments) == 1
        (found,) = collection.allowed_ids("rating = 4 and list_contains(keywords, 'sea')").tolist()
        assert collection.metadata([found])[0]["keywords"] == ["sea", "red"]
    report = verify(full)
    assert report.clean, report.damage


def test_a_catalog_of_an_old_format_is_rebuilt_from_what_is_beside_it(full: Path) -> None:
    os.unlink(full / "catalog.duckdb")
    done = repair(full)
    assert done.report is not None
    assert done.report.clean
    with CollectionStore.open(full) as collection:
        _check_full(collection)


@pytest.fixture
def third(tmp_path: Path) -> Path:
    """A collection of format 3, whose index knows ids and no segments; see its maker."""
    return Path(shutil.copytree(GOLDEN / "collection-v3", tmp_path / "collection"))


def _check_third(collection: CollectionStore) -> None:
    collection.check(FINGERPRINT)
    assert not collection.notes
    expected = [i for i in range(1, 301) if i not in (4, 5, 8)]
    assert collection.allowed_ids("true").tolist() == expected
    for space in ("cls@2", "mean@1"):
        index = collection.index(space)
        assert index.kind.startswith("IVF")
        assert index.ids().tolist() == expected
        found = index.search(np.stack([vector(n, space) for n in expected]), 1, exact=True)
        assert found.ids[:, 0].tolist() == expected
    assert collection.allowed_ids("tool = 'ComfyUI' and stars = 5").tolist() == [1]
    assert collection.allowed_ids("rating = 4 and list_contains(keywords, 'sea')").tolist() == [2]
    assert [root.path for root in collection.roots()] == ["/pictures"]
    (row,) = collection.metadata([7])
    assert row["paths"] == ["/again/7.jpg"]


def test_format_3_opens_with_all_that_it_held(third: Path) -> None:
    with CollectionStore.open(third) as collection:
        _check_third(collection)
        assert collection.index_files("cls@2").generations() == [1]
    assert verify(third).clean


def test_format_3_goes_on_in_the_current_one(third: Path) -> None:
    with CollectionStore.open(third, writable=True) as collection:
        _check_third(collection)
        early, late = collection.reserve(2), collection.reserve(1)
        assert early.first == 301
        for given, numbers in ((late, [410]), (early, [400, 401])):
            collection.adopt([collection.stage(given, images(numbers), files(numbers))])
        collection.commit(Batch(files=files([8])))
        collection.forget_changes()
    with CollectionStore.open(third) as collection:  # by the index that format 3 has left
        ids = collection.index("cls@2").ids().tolist()
        assert ids == [i for i in range(1, 304) if i not in (4, 5)]
    report = verify(third)
    assert not report.damage, report.damage


def test_index_files_of_former_names_are_replaced_by_the_next_that_are_saved(third: Path) -> None:
    """They are called after FAISS, which cannot read them."""
    folder = third / "indexes"
    assert {path.suffix for path in folder.iterdir()} == {".faiss"}
    with CollectionStore.open(third, writable=True) as collection:
        save_index(collection.indexes, "cls@2", collection.readings)
        assert {path.name for path in folder.iterdir()} == {"cls@2.2.index", "mean@1.1.faiss"}
        save_index(collection.indexes, "mean@1", collection.readings)
        save_index(collection.indexes, "cls@2", collection.readings)
        assert {path.name for path in folder.iterdir()} == {"cls@2.3.index", "mean@1.2.index"}
        collection.forget_changes()
    with CollectionStore.open(third) as collection:
        assert len(collection.index("cls@2")) == len(collection) == 297
    (folder / "cls@2.2.faiss").write_bytes(b"left behind by a kill")
    with CollectionStore.open(third, writable=True) as collection:
        assert collection.index_files("cls@2").generations() == [3, 2]
        save_index(collection.indexes, "cls@2", collection.readings)
        assert {path.name for path in folder.iterdir()} == {"cls@2.4.index", "mean@1.2.index"}
        collection.forget_changes()


def test_a_catalog_of_format_3_is_rebuilt_from_what_is_beside_it(third: Path) -> None:
    os.unlink(third / "catalog.duckdb")
    done = repair(third)
    assert done.report is not None
    assert not done.report.damage
    with CollectionStore.open(third) as collection:
        ids = collection.allowed_ids("true").tolist()
        assert ids == [i for i in range(1, 301) if i not in (4, 5, 8)]
        assert collection.allowed_ids("rating = 4 and stars = 3").tolist() == [2]
        assert [root.path for root in collection.roots()] == ["/pictures"]


def test_a_commit_of_format_3_that_only_the_journal_has_is_done_again(third: Path) -> None:
    with CollectionStore.open(third) as collection:
        seq = collection.state.seq
    journal = Journal(str(third / "journal"))
    record = journal.begin(seq + 1)
    facts = {"size": [1], "mtime_ns": [2], "seq": [seq + 1]}
    words = {"path": ["/late"], "reason": ["odd"], "detail": [""]}
    record.note_appended("rejects", {**facts, **words})
    record.note_appended("commits", {"seq": [seq + 1], "at": ["2026-01-01"], "kind": ["commit"]})
    record.seal()
    journal.close()
    for writable in (False, True):
        with CollectionStore.open(third, writable=writable) as collection:
            assert [r.path for r in collection.rejects()] == ["/late", "/pictures/bad.jpg"]
            assert collection.state.seq == seq + 1
            collection.forget_changes()


@pytest.fixture
def fourth(tmp_path: Path) -> Path:
    """A collection of format 4, with an open reservation and no derived spaces; see its maker."""
    return Path(shutil.copytree(GOLDEN / "collection-v4", tmp_path / "collection"))


def _check_fourth(collection: CollectionStore) -> None:
    collection.check(FINGERPRINT)
    assert not collection.notes
    live = {collection.metadata([i])[0]["content_hash"] for i in collection.allowed_ids("true")}
    assert live == {content(n) for n in range(1, 81) if n not in (4, 5, 8)}
    assert collection.spaces == {"cls@2": 8, "mean@1": 4}
    assert collection.default_weights == {"cls@2": 0.5, "mean@1": 0.5}
    ids = collection.index("cls@2").search(vector(75, "cls@2")[None], 1).ids[0]
    assert collection.metadata(ids.tolist())[0]["content_hash"] == content(75)
    assert collection.allowed_ids("tool = 'ComfyUI' and stars = 5").tolist() == [1]


def test_format_4_opens_with_all_that_it_held(fourth: Path) -> None:
    before = (fourth / "catalog.duckdb").read_bytes()
    with CollectionStore.open(fourth) as collection:
        _check_fourth(collection)
    assert verify(fourth).clean
    assert (fourth / "catalog.duckdb").read_bytes() == before


def test_format_4_goes_on_in_the_current_one(fourth: Path) -> None:
    with CollectionStore.open(fourth) as reader:
        reader.index("cls@2")
        with CollectionStore.open(fourth, writable=True) as collection:
            _check_fourth(collection)
            assert collection.state.format == FORMAT
            assert len(collection.state.reserved) == 1
            whiten(collection, "cls@2")
            collection.commit(Batch(images([400]), files([400])))
            collection.forget_changes()
        reader.refresh()
        assert len(reader.index("cls@2/w")) == len(reader) == 78
    report = verify(fourth)
    assert report.clean, report.damage


def test_a_catalog_of_format_4_is_rebuilt_from_what_is_beside_it(fourth: Path) -> None:
    os.unlink(fourth / "catalog.duckdb")
    done = repair(fourth)
    assert done.report is not None
    assert not done.report.damage
    with CollectionStore.open(fourth, writable=True) as collection:
        _check_fourth(collection)
        assert collection.state.format == FORMAT


@pytest.fixture
def fifth(tmp_path: Path) -> Path:
    """A collection of format 5, with a derived space and no decisions; see its maker."""
    return Path(shutil.copytree(GOLDEN / "collection-v5", tmp_path / "collection"))


def _check_fifth(collection: CollectionStore) -> None:
    collection.check(FINGERPRINT)
    assert not collection.notes
    assert collection.content_hashes() == {content(n) for n in range(1, 42) if n not in (4, 5)}
    assert collection.spaces == {"cls@2": 8, "mean@1": 4, "cls@2/w": 8}
    assert collection.default_weights == {"cls@2/w": 0.75, "mean@1": 0.25}
    assert len(collection.index("cls@2/w")) == len(collection) == 39
    assert collection.allowed_ids("stars = 5 and seed = 7").tolist() == [1]
    assert collection.decisions() == ()


def test_format_5_opens_with_all_that_it_held(fifth: Path) -> None:
    before = (fifth / "catalog.duckdb").read_bytes()
    with CollectionStore.open(fifth) as collection:
        _check_fifth(collection)
    assert verify(fifth).clean
    assert (fifth / "catalog.duckdb").read_bytes() == before


def test_format_5_goes_on_in_the_current_one(fifth: Path) -> None:
    with CollectionStore.open(fifth) as reader:
        with CollectionStore.open(fifth, writable=True) as collection:
            _check_fifth(collection)
            assert collection.state.format == FORMAT
            made = decide(collection, "same", [content(1), content(2)])
            collection.forget_changes()
        reader.refresh()
        assert reader.decisions() == (made,)
    report = verify(fifth)
    assert report.clean, report.damage


def test_a_catalog_of_format_5_is_rebuilt_from_what_is_beside_it(fifth: Path) -> None:
    os.unlink(fifth / "catalog.duckdb")
    done = repair(fifth)
    assert done.report is not None
    assert not done.report.damage
    with CollectionStore.open(fifth, writable=True) as collection:
        _check_fifth(collection)
        assert collection.state.format == FORMAT


@pytest.mark.parametrize("writable", [False, True])
def test_a_newer_format_is_refused(old: Path, writable: bool) -> None:
    with Catalog(str(old / "catalog.duckdb")).writing("future") as transaction:
        transaction.run("UPDATE meta SET value = '99' WHERE key = 'format'")
    with pytest.raises(CollectionError, match=r"format 99.*reads formats 1 to \d+; upgrade"):
        CollectionStore.open(old, writable=writable)
    with pytest.raises(CollectionError, match="upgrade vitrail"):
        verify(old)


def test_recipes_give_columns_whatever_they_hold() -> None:
    recipe = {
        "checkpoint": "sd15",
        "scheduler": "ddim",
        "seed": -1,
        "steps": "20",
        "guidance": "high",
        "loras": [{"name": "pixel", "weight": 1}, "ink"],
    }
    assert {name: value for name, value in recipe_columns(recipe).items() if value is not None} == {
        "model": "sd15",
        "sampler": "ddim",
        "steps": 20,
        "lora": "pixel, ink",
    }
    assert set(recipe_columns(None).values()) == {None}
