"""A batch as it may be stored: vectors held to the encoder, texts that a database can hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from vitrail.indexer.errors import InputError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.paths import clean
from vitrail.indexer.records import DEEPEST_RECIPE, Batch, ImageRecord


def cleaned(batch: Batch, fingerprint: Fingerprint) -> Batch:
    """A batch without what cannot be stored; of two files at one path the last counts.

    What was rejected at its path is no file, and an image that is left without any is not entered.

    Raises:
        InputError: an image lacks a space's vector, or has it in another width.
    """
    rejected = {reject.path for reject in batch.rejects}
    files = {file.path: file for file in batch.files if file.path not in rejected}
    held = {file.content_hash for file in files.values()}
    return replace(
        batch,
        images=[_checked(i, fingerprint) for i in batch.images if i.content_hash in held],
        files=[replace(file, label=clean(file.label)) for file in files.values()],
        labels={path: clean(label) for path, label in batch.labels.items()},
        readings=[_clean(image) for image in batch.readings],
    )


def _checked(image: ImageRecord, fingerprint: Fingerprint) -> ImageRecord:
    for space, dim in fingerprint.spaces:
        vector = image.vectors.get(space)
        if vector is None or vector.shape != (dim,) or not np.isfinite(vector).all():
            got = "nothing" if vector is None else f"shape {vector.shape}"
            raise InputError(
                f"image {image.content_hash[:10]} needs {dim} finite numbers in space "
                f"{space}, but has {got}"
            )
    return _clean(image)


def _clean(image: ImageRecord) -> ImageRecord:
    keywords = tuple(clean(word) or "" for word in image.keywords)
    return replace(
        image, camera=clean(image.camera), recipe=_clean_json(image.recipe), keywords=keywords
    )


def _clean_json(value: Any, depth: int = 0) -> Any:
    """Texts that a database can hold; what is nested deeper than any recipe is left out."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict | list | tuple):
        if depth >= DEEPEST_RECIPE:
            return None
        if isinstance(value, dict):
            return {clean(str(key)): _clean_json(item, depth + 1) for key, item in value.items()}
        return [_clean_json(item, depth + 1) for item in value]
    return value
