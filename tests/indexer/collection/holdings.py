"""Hand-made contents for collections: every vector follows from a number."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.records import FileRecord, ImageRecord

DIM = 8
SPACES = (("cls@2", DIM), ("mean@1", 4))
FINGERPRINT = Fingerprint("tiny-vit", "0" * 64, {"size": [32, 32]}, SPACES)
OTHER = Fingerprint("other-vit", "1" * 64, {"size": [32, 32]}, SPACES)


def content(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def vector(number: int, space: str) -> NDArray[np.float32]:
    dim = dict(SPACES)[space]
    rng = np.random.default_rng([number, dim])
    row = rng.standard_normal(dim)
    return (row / np.linalg.norm(row)).astype(np.float32)


def image(
    number: int,
    *,
    width: int = 640,
    recipe: dict[str, object] | None = None,
    predictions: tuple[tuple[str, float], ...] = (),
) -> ImageRecord:
    return ImageRecord(
        content_hash=content(number),
        width=width,
        height=480,
        format="JPEG",
        bytes=1000 + number,
        taken_at=None,
        camera=None,
        generated=recipe is not None,
        recipe=recipe,
        vectors={space: vector(number, space) for space, _ in SPACES},
        predictions=predictions,
    )


def file(path: str, number: int, *, label: str | None = None, mtime_ns: int = 5) -> FileRecord:
    return FileRecord(path, 1000 + number, mtime_ns, content(number), label)


def images(numbers: Iterable[int]) -> list[ImageRecord]:
    return [image(number) for number in numbers]


def files(numbers: Iterable[int]) -> list[FileRecord]:
    return [file(f"/pictures/{number}.jpg", number) for number in numbers]


# Of each kind of column, one that a filter can tell from the others.
FILTERED = [
    image(1, width=100, predictions=(("tabby", 0.7), ("lynx", 0.2))),
    image(2, width=900, recipe={"prompt": "a red apple", "seed": 2**63, "steps": 20}),
    replace(image(3), camera="Canon EOS\0", taken_at=datetime.datetime(2024, 5, 6, 7, 8, 9)),
]
