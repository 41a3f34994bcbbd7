"""Makes ``collection-v2``: a collection as format 2 had it, with everything that it could hold.

It was run at the last commit that wrote format 2, and is kept to show how the directory came about.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.indexer.collection.holdings import FINGERPRINT, file, files, image, images
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch, RejectRecord
from vitrail.indexer.vectors import index as vector_index

HERE = Path(__file__).parent / "collection-v2"
COUNT = 600


def make(directory: Path) -> None:
    """Write 600 images in inverted lists, with deletions, annotations, recipes and rejects."""
    # So few rows are scanned otherwise, and no inverted lists would be written.
    object.__setattr__(vector_index._DEFAULT, "exact_floats", 100)
    table = directory.parent / "labels.csv"
    with CollectionStore.create(directory, FINGERPRINT) as old:
        made = image(
            1,
            recipe={"prompt": "a red apple", "seed": 7, "scheduler": "ddim", "steps": 20},
            predictions=(("apple", 0.75), ("pear", 0.25)),
        )
        copies = [file("/backup/2.jpg", 2, label="backup"), file("/pictures/b\udcff.jpg", 3)]
        labelled = [file(f"/pictures/{n}.jpg", n, label=f"kind-{n % 3}") for n in range(2, 300)]
        reject = RejectRecord("/pictures/bad.jpg", 10, 5, "truncated", "it ends in the middle")
        old.commit(
            Batch([made, *images(range(2, 300))], [*files([1]), *labelled, *copies], [reject])
        )
        old.commit(Batch(images(range(300, COUNT + 1)), files(range(300, COUNT + 1))))
        table.write_text("path,stars,note\n/pictures/1.jpg,5,a\n/pictures/2.jpg,3,\n")
        old.annotate(str(table))
        old.maintain()
        old.remove([4, 5, 6])
        old.commit(Batch(gone=["/pictures/7.jpg"]))
        old.maintain()
    table.unlink()


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    make(HERE)
    sys.exit(0)
