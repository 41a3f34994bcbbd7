"""Makes ``collection-v1``: a collection as format 1 had it, before recipes had columns.

Kept to show how the golden directory came about; it was run when format 2 was new.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from unittest import mock

from tests.indexer.collection.holdings import FINGERPRINT, files, image
from vitrail.indexer.collection import commits
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.image_columns import RECIPE_COLUMNS
from vitrail.indexer.records import Batch

HERE = Path(__file__).parent / "collection-v1"


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
        with old.transaction("downgrade") as transaction:
            for name in RECIPE_COLUMNS:
                transaction.run(f"ALTER TABLE images DROP COLUMN {name}")
            transaction.run("UPDATE meta SET value = '1' WHERE key = 'format'")
        old.forget_changes()


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    make(HERE)
    sys.exit(0)
