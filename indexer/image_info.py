"""What is known of one image, as users and programs get it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """Everything known of one image of a collection.

    Each column that a filter may name is an attribute; those of the user's own are in ``own``. By
    its name, any of them is ``info["name"]``. Path, name, folder, label, when it was added and
    whether it is missing are the first file's.

    Attributes:
        id: in the collection.
        content_hash: sha256 (hex) of the file's bytes.
        width: upright width in pixels.
        height: upright height in pixels.
        format: Pillow's name of the format, such as ``JPEG``.
        bytes: size of the file.
        taken_at: EXIF date, naive local time.
        camera: EXIF make and model.
        latitude: degrees north.
        longitude: degrees east.
        rating: stars, 0 to 5; -1 is "rejected".
        keywords: of EXIF, IPTC and XMP.
        generated: made by a generator, as far as its metadata tells.
        recipe: what made it, as plain JSON types.
        task: of the recipe, as the following.
        prompt: what was asked for.
        negative_prompt: what was not.
        model: the checkpoint's name.
        seed: of the noise it began with.
        sampler: the scheduler's name.
        steps: of denoising.
        guidance: scale of classifier-free guidance.
        lora: names, joined by commas.
        tool: the program that made it.
        path: of the first file, as text; ``None`` without one.
        paths: of all files, those that are there first.
        label: the user's, such as the folder's name.
        missing: whether the file was not there last time.
        added_at: when the file was first seen, UTC.
        predictions: (label, probability) of the checkpoint's head, best first.
        own: the user's own columns.
    """

    id: int
    content_hash: str
    width: int
    height: int
    format: str
    bytes: int
    taken_at: datetime | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    rating: int | None
    keywords: tuple[str, ...]
    generated: bool
    recipe: dict[str, Any] | None
    task: str | None
    prompt: str | None
    negative_prompt: str | None
    model: str | None
    seed: int | None
    sampler: str | None
    steps: int | None
    guidance: float | None
    lora: str | None
    tool: str | None
    path: str | None
    paths: tuple[str, ...]
    label: str | None
    missing: bool
    added_at: datetime | None
    predictions: tuple[tuple[str, float], ...]
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        """The first file's name."""
        return None if self.path is None else os.path.basename(self.path)

    @property
    def folder(self) -> str | None:
        """The first file's folder."""
        return None if self.path is None else os.path.dirname(self.path)

    @property
    def labels(self) -> tuple[str, ...]:
        """The head's labels, best first."""
        return tuple(label for label, _ in self.predictions)

    @property
    def top_label(self) -> str | None:
        """The head's best label."""
        return self.predictions[0][0] if self.predictions else None

    @property
    def top_score(self) -> float | None:
        """The probability of the head's best label."""
        return self.predictions[0][1] if self.predictions else None

    def __getitem__(self, column: str) -> Any:
        """The value of a column, the user's own ones included, as in ``to_dict``.

        Raises:
            KeyError: there is no such column.
        """
        if column in self.own:
            return self.own[column]
        if column not in COLUMNS:
            raise KeyError(column)
        value = getattr(self, column)
        return list(value) if isinstance(value, tuple) else value

    def to_dict(self) -> dict[str, Any]:
        """All columns by name, as plain JSON types but for times; the user's own come last.

        Lists stand for tuples there.
        """
        return {name: self[name] for name in COLUMNS} | dict(self.own)


def _columns() -> tuple[str, ...]:
    """Names in the order in which documents have them: what follows from a field stands by it."""
    after = {"paths": ("name", "folder"), "added_at": ("top_label", "top_score", "labels")}
    declared = [one.name for one in fields(ImageInfo) if one.name != "own"]
    return tuple(name for one in declared for name in (one, *after.get(one, ())))


COLUMNS = _columns()
"""Names of the columns that every image has."""
