"""Images to learn from: where they come from, and which are copies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import InputError
from vitrail.service.operations.progress import nobody
from vitrail.service.operations.training_images import (
    ReadImage,
    Surveyed,
    TrainingSource,
    group_copies,
)

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("missing", ["labels", "both", "nothing"])
def test_sources_that_cannot_be_are_refused(missing: str) -> None:
    given = {
        "labels": {"collection": "here"},
        "both": {"folders": ("a",), "labels": "label"},
        "nothing": {},
    }[missing]
    with pytest.raises(InputError, match=r"nothing was given|beside labels"):
        TrainingSource(**given)  # type: ignore[arg-type]


def test_images_of_one_kind_are_no_copies() -> None:
    paths = sorted((EXAMPLES / "food").glob("*.webp"))[:5]
    groups = group_copies(surveyed_of(paths), "s", nobody, Cancellation())
    assert len(set(groups.tolist())) == 5


def test_a_copy_is_in_its_originals_group(tmp_path: Path) -> None:
    paths = sorted((EXAMPLES / "food").glob("*.webp"))[:4]
    copy = tmp_path / "copy.jpg"
    Image.open(paths[2]).convert("RGB").save(copy, quality=60)
    groups = group_copies(surveyed_of([*paths, copy]), "s", nobody, Cancellation()).tolist()
    assert groups[4] == groups[2]
    assert len(set(groups)) == 4


def surveyed_of(paths: Sequence[Path]) -> Surveyed:
    """As if an encoder saw them as alike as can be told apart by nothing but pixels."""
    import hashlib

    rows = np.eye(len(paths), 8, dtype=np.float32) * 0.1 + 1
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    images = [
        ReadImage(str(path), "x", hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths
    ]
    return Surveyed(tuple(images), {"s": rows})
