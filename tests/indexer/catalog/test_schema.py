from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, content, files, images, vector
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.schema import FORMAT, recipe_columns
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
