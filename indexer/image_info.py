"""What is known of one image, as users and programs get it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol


class UnreadImages(Protocol):
    """Images that lie in memory otherwise, such as in columns, until somebody looks at them.

    What is read never changes, and any number of threads may read it.
    """

    def paths(self, number: int, image_id: int) -> tuple[str, ...]:
        """The paths of one of them."""

    def known(self, number: int) -> tuple[Sequence[str], Sequence[Any]]:
        """Of one of them the names of the fields of ``ImageInfo`` that it has, and their values.

        What it leaves out is ``NOTHING``.
        """


class _NoColumns(dict[str, Any]):
    """No columns of the user's own, which images of many answers have in common."""

    def _refused(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            "the columns of an image that was found cannot be set there; annotate the collection's"
        )

    __setitem__ = __ior__ = setdefault = update = _refused


NO_COLUMNS: Mapping[str, Any] = _NoColumns()
"""What ``ImageInfo.own`` is where the user added no columns: empty, and it stays so."""


class _Unread:
    """Where an image is read whose fields are not there yet: no fields themselves."""

    __slots__ = ("_given", "_number", "_unread")


@dataclass(frozen=True, slots=True)
class ImageInfo(_Unread):
    """Everything known of one image of a collection.

    Each column that a filter may name is an attribute; those of the user's own are in ``own``. By
    its name, any of them is ``info["name"]``. Path, name, folder, label, when it was added and
    whether it is missing are the first file's.

    One of an answer may be read when it is first looked at, from the commit's metadata in memory,
    which it keeps there until then. Nobody can tell: it is the same whenever that is.

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

    @classmethod
    def unread(cls, image_id: int, images: UnreadImages, number: int) -> ImageInfo:
        """An image that is read when it is first looked at.

        Args:
            image_id: in the collection.
            images: to read it from.
            number: of the image there.
        """
        made = object.__new__(cls)
        _SET_ID(made, image_id)
        _SET_UNREAD(made, images)
        _SET_NUMBER(made, number)
        return made

    if not TYPE_CHECKING:  # which know the fields, and shall refuse what is none

        def __getattr__(self, name: str) -> Any:
            """A field that is not there yet: Python asks here only for these."""
            if name not in _SET:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            # Another thread may be reading it too, which comes to the same.
            images, number = self._unread, self._number
            if images is not None:
                if name == "paths":  # all that most look at, for a tenth of the work
                    paths = images.paths(number, self.id)
                    _SET["paths"](self, paths)
                    return paths
                given, values = images.known(number)
                for one, value in zip(given, values, strict=True):
                    _SET[one](self, value)
                _SET_GIVEN(self, given)
                _SET_UNREAD(self, None)  # nothing holds the columns any more
                if name in given:
                    return object.__getattribute__(self, name)
            # Most columns are empty, and it takes as long to set a field as to read a number.
            for one in NOTHING.keys() - self._given:
                _SET[one](self, NOTHING[one])
            return object.__getattribute__(self, name)

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
        known = {name: getattr(self, name) for name in COLUMNS}
        told = {k: list(v) if isinstance(v, tuple) else v for k, v in known.items()}
        return told | dict(self.own)


# Descriptors set the fields of a frozen class, and need not look for them by name.
_SET = {one.name: getattr(ImageInfo, one.name).__set__ for one in fields(ImageInfo)}
_SET_ID, _SET_UNREAD = _SET["id"], _Unread.__dict__["_unread"].__set__
_SET_NUMBER = _Unread.__dict__["_number"].__set__
_SET_GIVEN = _Unread.__dict__["_given"].__set__
NOTHING: dict[str, Any] = dict.fromkeys(_SET) | {
    "keywords": (),
    "paths": (),
    "missing": False,
    "predictions": (),
    "own": NO_COLUMNS,
}
"""What the fields of an image are of which nothing is known."""


def _columns() -> tuple[str, ...]:
    """Names in the order in which documents have them: what follows from a field stands by it."""
    after = {"paths": ("name", "folder"), "added_at": ("top_label", "top_score", "labels")}
    declared = [one.name for one in fields(ImageInfo) if one.name != "own"]
    return tuple(name for one in declared for name in (one, *after.get(one, ())))


COLUMNS = _columns()
"""Names of the columns that every image has."""
