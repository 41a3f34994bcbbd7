"""Embedding anew, interrupted and gone on with while the collection is written to."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.fakes import SIDE, ColourEncoder
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.images.files import modified_ns
from vitrail.indexer.indexing.progress import IndexCounts
from vitrail.indexer.indexing.reembedding import ReembedOptions, reembed
from vitrail.indexer.records import Batch, FileRecord, ImageRecord


def made(path: Path, number: int) -> tuple[ImageRecord, FileRecord]:
    pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    data, status = path.read_bytes(), path.stat()
    digest = hashlib.sha256(data).hexdigest()
    vectors = ColourEncoder().encode(pixels[None]).vectors
    image = ImageRecord(
        content_hash=digest,
        width=SIDE,
        height=SIDE,
        format="PNG",
        bytes=len(data),
        taken_at=None,
        camera=None,
        generated=False,
        recipe=None,
        vectors={space: rows[0] for space, rows in vectors.items()},
    )
    return image, FileRecord(str(path), len(data), modified_ns(status), digest)


OPTIONS = ReembedOptions(batch_size=1, workers=1)


def begin(place: Path, *, images: int) -> None:
    """Embed some images anew, and be interrupted."""
    cancellation = Cancellation()

    def stop(progress: IndexCounts) -> None:
        if progress.encoded == images:
            cancellation.cancel()

    encoder = ColourEncoder("other colours")
    done = reembed(place, encoder, options=OPTIONS, on_progress=stop, cancellation=cancellation)
    assert not done.done


def finish(place: Path) -> dict[str, int]:
    """Embed the rest; the live images by name."""
    assert reembed(place, ColourEncoder("other colours"), options=OPTIONS).done
    report = verify(place)
    assert report.clean, report.findings
    with CollectionStore.open(place) as reader:
        ids = reader.allowed_ids("true").tolist()
        assert reader.index("mean@1").ids().tolist() == ids
        return {Path(row["path"]).name: row["id"] for row in reader.metadata(ids)}


def test_images_of_lower_ids_that_are_adopted_between_two_runs_are_not_hidden(
    tmp_path: Path,
) -> None:
    """They get new ids, and the ids of images that were removed are none of these."""
    place = tmp_path / "c"
    pairs = [made(tmp_path / f"{number}.png", number) for number in range(7)]
    with CollectionStore.create(place, ColourEncoder().fingerprint) as writer:
        reserved = writer.reserve(3)
        late = [image for image, _ in pairs[:3]], [file for _, file in pairs[:3]]
        staged = writer.stage(reserved, *late)
        writer.commit(Batch([image for image, _ in pairs[3:]], [file for _, file in pairs[3:]]))
        highest = writer.resolve(str(tmp_path / "6.png"))
        writer.remove([highest])
        waiting = writer.resolve(str(tmp_path / "5.png"))
        writer.commit(Batch(gone=[str(tmp_path / "5.png")]))
    begin(place, images=1)
    with CollectionStore.open(place, writable=True) as writer:
        assert writer.adopt([staged]).new == 3
    found = finish(place)
    assert {*found} == {"0.png", "1.png", "2.png", "3.png", "4.png"}
    assert not {highest, waiting} & {*found.values()}


def test_an_image_that_was_removed_between_two_runs_and_came_again_is_not_hidden(
    tmp_path: Path,
) -> None:
    place = tmp_path / "c"
    pairs = [made(tmp_path / f"{number}.png", number) for number in range(4)]
    with CollectionStore.create(place, ColourEncoder().fingerprint) as writer:
        writer.commit(Batch([image for image, _ in pairs], [file for _, file in pairs]))
    begin(place, images=3)
    with CollectionStore.open(place, writable=True) as writer:
        writer.remove([1, 2])
        writer.commit(Batch([pairs[1][0]], [pairs[1][1]]))
    assert finish(place) == {"1.png": 5, "2.png": 3, "3.png": 4}


def test_an_image_that_has_a_new_id_and_is_removed_between_two_runs_stays_removed(
    tmp_path: Path,
) -> None:
    place = tmp_path / "c"
    pairs = [made(tmp_path / f"{number}.png", number) for number in range(5)]
    with CollectionStore.create(place, ColourEncoder().fingerprint) as writer:
        images, files = [image for image, _ in pairs], [file for _, file in pairs]
        staged = writer.stage(writer.reserve(3), images[:3], files[:3])
        writer.commit(Batch(images[3:], files[3:]))
    begin(place, images=1)
    with CollectionStore.open(place, writable=True) as writer:
        writer.adopt([staged])
    begin(place, images=3)
    with CollectionStore.open(place, writable=True) as writer:
        writer.remove([writer.resolve(str(tmp_path / "0.png"))])
    assert {*finish(place)} == {"1.png", "2.png", "3.png", "4.png"}
