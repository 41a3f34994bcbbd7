"""Makes ``collection-v1`` and ``-lists``: as format 1 had them, before recipes had columns.

They were made at the last commits that wrote format 2, and this is kept to show how.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from unittest import mock

from tests.golden import make_collection_v2
from tests.indexer.collection.holdings import FINGERPRINT, files, image
from vitrail.indexer.collection import commits, layout, maintenance
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.image_columns import RECIPE_COLUMNS
from vitrail.indexer.records import Batch

HERE = Path(__file__).parent / "collection-v1"
LISTS = Path(__file__).parent / "collection-v1-lists"


def make(directory: Path) -> None:
    """Write four images, one of them generated and one deleted."""
    made = image(3, recipe={"prompt": "a red apple", "seed": 7, "scheduler": "ddim", "steps": 20})
    with (
        mock.patch.object(commits, "FORMAT", 1),
        CollectionStore.create(directory, FINGERPRINT) as old,
    ):
        old.commit(Batch([image(1), image(2)], files([1, 2])))
        old.commit(Batch([made, image(4)], files([3, 4])))
        old.remove([4])
        old.maintain()
        _downgrade(old)


def make_lists(directory: Path) -> None:
    """Write what the golden collection of format 2 holds: inverted lists, annotations and so on."""
    with (
        mock.patch.object(commits, "FORMAT", 1),
        mock.patch.object(maintenance, "FORMAT", 1),
        mock.patch.object(layout, "FORMAT", 1),
    ):
        make_collection_v2.make(directory)
        with CollectionStore.open(directory, writable=True) as old:
            _downgrade(old)


def _downgrade(old: CollectionStore) -> None:
    with old.transaction("downgrade") as transaction:
        for name in RECIPE_COLUMNS:
            transaction.run(f"ALTER TABLE images DROP COLUMN {name}")
        transaction.run("UPDATE meta SET value = '1' WHERE key = 'format'")
    old.forget_changes()


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    make(HERE)
    shutil.rmtree(LISTS, ignore_errors=True)
    make_lists(LISTS)
    sys.exit(0)
