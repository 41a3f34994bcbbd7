"""Makes ``collection-v5``: a collection as format 5 had it, which kept no decisions.

It was run at the last commit that wrote format 5, and is kept to show how the directory came about.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.indexer.collection.holdings import FINGERPRINT, files, image, images
from vitrail.indexer.collection.derivation import set_default_weights, whiten
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch, RejectRecord

HERE = Path(__file__).parent / "collection-v5"


def make(directory: Path) -> None:
    """Write a derived space, weights, columns of one's own, and commits that only follow copies."""
    table = directory.parent / "labels.csv"
    with CollectionStore.create(directory, FINGERPRINT) as old:
        made = image(1, recipe={"prompt": "a red apple", "seed": 7, "tool": "ComfyUI"})
        reject = RejectRecord("/pictures/bad.jpg", 10, 5, "truncated", "it ends in the middle")
        old.commit(Batch([made, *images(range(2, 41))], files(range(1, 41)), [reject]))
        table.write_text("path,stars\n/pictures/1.jpg,5\n/pictures/2.jpg,3\n")
        old.annotate(str(table))
        whiten(old, "cls@2")
        old.maintain()
        old.copy_tables()
        set_default_weights(old, {"cls@2/w": 3.0, "mean@1": 1.0})
        old.remove([4, 5])
        old.commit(Batch(images([41]), files([41])))
        old.forget_changes()
    table.unlink()


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    make(HERE)
    sys.exit(0)
