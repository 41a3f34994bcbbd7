"""Maps of a collection: what they depend on, and what not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.collection.store import CollectionStore
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.mapping import ImageMap


def drawn(folder: Path, names: list[str]) -> tuple[ImageMap, dict[int, str]]:
    """A map of images of random colours that bear these names, and the content of each id."""
    (folder / "images").mkdir(parents=True)
    colours = np.random.default_rng(1).integers(0, 256, (len(names), 3)).astype(np.uint8)
    for name, colour in zip(names, colours, strict=True):
        pixels = np.broadcast_to(colour, (16, 16, 3))
        Image.fromarray(pixels.copy()).save(folder / "images" / name)
    CollectionStore.create(folder / "collection", ColourEncoder().fingerprint).close()
    with Collection.open(folder / "collection", encoder=ColourEncoder()) as made:
        made.index(folder / "images")
        told = made.map(layout="pca", clusters=9, columns=["content_hash"])
    return told, dict(zip(told.ids.tolist(), map(str, told.values["content_hash"]), strict=True))


def test_names_and_ids_change_no_map(tmp_path: Path) -> None:
    names = [f"{number:02}.png" for number in range(40)]
    one, contents = drawn(tmp_path / "one", names)
    other, again = drawn(tmp_path / "other", names[::-1])
    assert contents != again, "ids go by names"
    assert one.ids.tolist() == sorted(one.ids.tolist())

    def places(told: ImageMap, of: dict[int, str]) -> dict[str, tuple[object, ...]]:
        rows = zip(told.ids.tolist(), told.places.tolist(), told.members.tolist(), strict=True)
        return {of[i]: (*place, member) for i, place, member in rows}

    assert places(one, contents) == places(other, again)
    for first, second in zip(one.clusters, other.clusters, strict=True):
        assert [contents[i] for i in first.typical] == [again[i] for i in second.typical]
    assert one.outliers[np.argsort([*contents.values()])].tolist() == (
        other.outliers[np.argsort([*again.values()])].tolist()
    )
