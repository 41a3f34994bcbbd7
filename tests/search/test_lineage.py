from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes import ColourEncoder
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError
from vitrail.indexer.records import Batch, FileRecord, ImageRecord
from vitrail.search.lineage import children, parents


def name_hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def record(name: str, recipe: dict[str, Any] | None = None) -> ImageRecord:
    vector = np.zeros(12, np.float32)
    vector[0] = 1
    return ImageRecord(
        content_hash=name_hash(name),
        width=8,
        height=8,
        format="PNG",
        bytes=1,
        taken_at=None,
        camera=None,
        generated=recipe is not None,
        recipe=recipe,
        vectors={"mean@1": vector},
    )


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """A content and a style photo, an image made from both, and one made from a lost photo."""
    both = [
        {"role": "content", "content_hash": name_hash("content"), "image_id": None},
        {"role": "style", "content_hash": name_hash("style"), "image_id": None},
    ]
    lost = [{"role": "init", "content_hash": name_hash("lost"), "image_id": 9}]
    images = [
        record("content"),
        record("style"),
        record("child", {"task": "style", "prompt": "x", "parents": both}),
        record("orphan", {"task": "image-to-image", "prompt": "y", "parents": lost}),
        record("odd", {"parents": "unknown"}),
    ]
    files = [FileRecord(f"/{i}.png", 1, 1, image.content_hash) for i, image in enumerate(images)]
    with CollectionStore.create(tmp_path / "c", ColourEncoder().fingerprint) as collection:
        collection.commit(Batch(images=images, files=files))
    return tmp_path / "c"


def test_parents_and_children(family: Path) -> None:
    with CollectionStore.open(family) as collection:
        ids = {name: collection.resolve(name_hash(name)) for name in ("content", "style", "child")}
        found = parents(collection, ids["child"])
        assert [(one.role, one.id) for one in found] == [
            ("content", ids["content"]),
            ("style", ids["style"]),
        ]
        (child,) = children(collection, ids["style"])
        assert (child.role, child.id) == ("style", ids["child"])
        assert child.metadata is not None
        assert child.metadata.prompt == "x"
        assert children(collection, ids["child"]) == []
        assert parents(collection, ids["content"]) == []


def test_a_parent_that_is_not_here_is_named_by_its_hash(family: Path) -> None:
    with CollectionStore.open(family) as collection:
        (lost,) = parents(collection, collection.resolve(name_hash("orphan")))
        assert (lost.id, lost.content_hash, lost.metadata) == (None, name_hash("lost"), None)
        assert parents(collection, collection.resolve(name_hash("odd"))) == []


def test_unknown_ids_are_refused(family: Path) -> None:
    with CollectionStore.open(family) as collection, pytest.raises(InputError, match="99"):
        parents(collection, 99)
