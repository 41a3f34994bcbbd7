"""The one declaration of an image's columns, and what follows from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from vitrail.indexer.catalog.columns import BUILT_IN, is_reserved
from vitrail.indexer.catalog.schema import TABLES
from vitrail.indexer.collection import arrival_rows
from vitrail.indexer.image_columns import IMAGE_COLUMNS, RECIPE_COLUMNS, arrow_type
from vitrail.indexer.image_info import COLUMNS
from vitrail.indexer.records import ImageRecord

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"

# Tomorrow's column, and what whoever adds it has to write.
TOMORROW = """
import sys
from dataclasses import dataclass, replace
from vitrail.indexer import image_columns, image_info, records

image_columns.IMAGE_COLUMNS += (image_columns.ImageColumn("sharpness", "DOUBLE"),)

@dataclass(frozen=True, slots=True)
class ImageRecord(records.ImageRecord):
    sharpness: float | None = None

records.ImageRecord = ImageRecord

@dataclass(frozen=True, slots=True)
class ImageInfo(image_info.ImageInfo):
    sharpness: float | None = None

image_info.ImageInfo = ImageInfo
image_info.COLUMNS += ("sharpness",)

from vitrail.indexer.catalog import schema

assert schema.TABLES["images"]["sharpness"] == "DOUBLE"

def add_sharpness(connection):
    connection.execute("ALTER TABLE images ADD COLUMN sharpness DOUBLE")

schema.MIGRATIONS[schema.FORMAT] = add_sharpness
schema.FORMAT += 1

from tests.indexer.collection.holdings import files, images, vector
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.transfer import export, import_into
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.records import Batch

place, other = sys.argv[1:]
with CollectionStore.open(place) as reader:
    before = len(reader)
    assert reader.allowed_ids("sharpness is null").size == before
    found = reader.index("cls@2").search(vector(2, "cls@2")[None], 1)
    assert found.ids[0, 0] == 2
with CollectionStore.open(place, writable=True) as writer:
    assert writer.state.format == schema.FORMAT
    new = [replace(image, sharpness=0.5) for image in images([900])]
    writer.commit(Batch(new, files([900])))
    assert writer.metadata([writer.resolve("/pictures/900.jpg")])[0].sharpness == 0.5
    for number in range(8):  # enough segments to be merged with the old ones
        writer.commit(Batch(images([901 + number]), files([901 + number])))
    writer.maintain()
    assert len(writer.state.segments) == 1
    assert writer.allowed_ids("sharpness > 0.4").size == 1
    writer.commit(Batch(readings=[replace(image, sharpness=9.0) for image in images([900])]))
    assert writer.allowed_ids("sharpness > 0.4 and sharpness < 1").size == 1
    export(writer, other + ".parquet")
    with CollectionStore.create(other, writer.fingerprint) as copy:
        assert import_into(copy, other + ".parquet").new == len(writer) == before + 9
        assert copy.allowed_ids("sharpness = 0.5").size == 1
report = verify(place)
assert report.clean, report.damage
"""


@pytest.mark.parametrize(
    "name", ["collection-v1", "collection-v1-lists", "collection-v2", "collection-v3"]
)
def test_a_new_column_leaves_old_collections_usable(name: str, tmp_path: Path) -> None:
    place = tmp_path / "old"
    shutil.copytree(GOLDEN / name, place)
    (place / "generated").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", TOMORROW, str(place), str(tmp_path / "other")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_record_has_every_column_but_the_id() -> None:
    declared = {column.name for column in IMAGE_COLUMNS} - {"id"}
    assert {field.name for field in fields(ImageRecord)} == declared | {"vectors", "predictions"}


def test_users_see_and_filter_by_every_column_that_is_shown() -> None:
    assert {column.name for column in IMAGE_COLUMNS if column.shown} <= {*BUILT_IN}
    assert {*RECIPE_COLUMNS} <= {*BUILT_IN}
    assert all(is_reserved(column.name) for column in IMAGE_COLUMNS)


def test_what_is_known_of_an_image_has_every_column_that_is_shown() -> None:
    assert {*COLUMNS} == {*BUILT_IN, "predictions"}
    assert {column.name for column in IMAGE_COLUMNS if column.shown} <= {*COLUMNS}


def test_imports_hold_every_column_to_a_rule() -> None:
    checked = {*arrival_rows._rules(), *arrival_rows._LOOKS}
    assert {column.name for column in IMAGE_COLUMNS} - {"id"} <= checked


def test_every_type_has_one_of_arrow() -> None:
    for kind in TABLES["images"].values():
        assert str(arrow_type(kind))
