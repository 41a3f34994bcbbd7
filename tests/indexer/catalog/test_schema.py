from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from indexer.catalog.catalog import Catalog
from indexer.catalog.schema import FORMAT, recipe_columns
from indexer.collection.collection import Collection
from indexer.collection.verification import verify
from indexer.errors import CollectionError
from indexer.records import Batch
from tests.indexer.collection.holdings import FINGERPRINT, content, files, images, vector

GOLDEN = Path(__file__).parents[2] / "golden" / "collection-v1"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    copy = tmp_path / "collection"
    shutil.copytree(GOLDEN, copy)
    (copy / "generated").mkdir(exist_ok=True)
    return copy


def _check(collection: Collection) -> None:
    collection.check(FINGERPRINT)
    assert collection.content_hashes() == {content(n) for n in (1, 2, 3)}
    assert collection.allowed_ids("prompt = 'a red apple' and seed = 7").tolist() == [3]
    assert collection.metadata([3])[0]["sampler"] == "ddim"
    found = collection.index("cls@2").search(vector(2, "cls@2")[None], 1)
    assert collection.metadata(found.ids[0].tolist())[0]["content_hash"] == content(2)


def test_format_1_opens_for_reading_and_is_left_as_it_is(old: Path) -> None:
    before = (old / "catalog.duckdb").read_bytes()
    with Collection.open(old) as collection:
        _check(collection)
    assert (old / "catalog.duckdb").read_bytes() == before


def test_format_1_is_migrated_by_a_writer(old: Path) -> None:
    with Collection.open(old, writable=True) as collection:
        _check(collection)
        collection.commit(Batch(images([9]), files([9])))
        assert collection.state.format == FORMAT
    with Collection.open(old) as collection:
        assert collection.content_hashes() == {content(n) for n in (1, 2, 3, 9)}
    assert verify(old).clean


@pytest.mark.parametrize("writable", [False, True])
def test_a_newer_format_is_refused(old: Path, writable: bool) -> None:
    with Catalog(str(old / "catalog.duckdb")).writing("future") as transaction:
        transaction.run("UPDATE meta SET value = '99' WHERE key = 'format'")
    with pytest.raises(CollectionError, match=r"format 99.*reads formats 1 to \d+; upgrade"):
        Collection.open(old, writable=writable)
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
