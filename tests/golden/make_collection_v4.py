"""Makes ``collection-v4``: a collection as format 4 had it, which knew no derived spaces.

It was run at the last commit that wrote format 4, and is kept to show how the directory came about.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from tests.indexer.collection.holdings import FINGERPRINT, file, files, image, images
from vitrail.indexer.catalog.roots import put_root
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch, RejectRecord

HERE = Path(__file__).parent / "collection-v4"
COUNT = 80
FOREVER = 1e12  # seconds for which what is reserved can be adopted


def make(directory: Path) -> None:
    """Write saved indexes, segments adopted out of order since, an open reservation, and own."""
    table = directory.parent / "labels.csv"
    with CollectionStore.create(directory, FINGERPRINT) as old:
        made = image(
            1,
            recipe={"prompt": "a red apple", "seed": 7, "tool": "ComfyUI", "steps": 20},
            predictions=(("apple", 0.75), ("pear", 0.25)),
        )
        told = replace(image(2), rating=4, keywords=("sea", "red"), latitude=48.5, longitude=9.0)
        reject = RejectRecord("/pictures/bad.jpg", 10, 5, "truncated", "it ends in the middle")
        old.commit(Batch([made, told, *images(range(3, 61))], files(range(1, 61)), [reject]))
        table.write_text("path,stars,note\n/pictures/1.jpg,5,a\n/pictures/2.jpg,3,\n")
        old.annotate(str(table))
        old.commit(Batch(gone=["/pictures/7.jpg", "/pictures/8.jpg"]))
        old.maintain()
        old.remove([4, 5])
        early, late = old.reserve(10, seconds=FOREVER), old.reserve(12, seconds=FOREVER)
        for given, numbers in ((late, range(71, 81)), (early, range(61, 71))):
            old.adopt([old.stage(given, images(numbers), files(numbers))])
        old.reserve(5, seconds=FOREVER)
        old.commit(Batch(files=[file("/again/7.jpg", 7, label="again")]))
        with old.transaction("roots") as transaction:
            put_root(transaction, "/pictures", {"label": "parent"}, indexed=True)
        old.forget_changes()
    table.unlink()


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    make(HERE)
    sys.exit(0)
