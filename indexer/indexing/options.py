"""How folders are indexed: what is said for one run, and what is remembered of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args

from vitrail.indexer.errors import InputError
from vitrail.indexer.images.opening import DEFAULT_MAX_PIXELS
from vitrail.indexer.indexing.decoding import LabelFrom, folder_label
from vitrail.indexer.indexing.globs import PathFilter, rebase


@dataclass(frozen=True, slots=True)
class RootOptions:
    """What has been said about a folder, and is remembered; ``None`` is what never was.

    Attributes:
        include: globs of files to consider; empty for the usual image extensions.
        exclude: globs of files and folders to leave out; what is indexed of them leaves.
        label_from: ``parent`` labels each file with its folder's name, ``none`` takes labels away.
            While it never was said, labels stay as they are, and new files get none.
        keep_missing: keep images whose files are gone from disk.
        max_pixels: larger images are rejected; 0 is the default limit.
        classify: store the labels of the checkpoint's head, also of images that lack them.
    """

    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    label_from: LabelFrom | None = None
    keep_missing: bool | None = None
    max_pixels: int | None = None
    classify: bool | None = None

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> RootOptions:
        """Read what ``to_dict`` gave, whatever a newer version may have added."""
        said: dict[str, Any] = {f.name: options.get(f.name) for f in fields(RootOptions)}
        for name in ("include", "exclude"):
            said[name] = None if said[name] is None else tuple(said[name])
        return cls(**said)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types, without what never was said."""
        said = {field.name: getattr(self, field.name) for field in fields(RootOptions)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in said.items()
            if value is not None
        }

    def changed_by(self, given: RootOptions) -> RootOptions:
        """These options, with those in their place that are given."""
        both = {field.name: getattr(given, field.name) for field in fields(RootOptions)}
        return RootOptions(
            **{
                name: getattr(self, name) if value is None else value
                for name, value in both.items()
            }
        )

    def below(self, relative: str) -> RootOptions:
        """What of these options means the same for a folder at ``relative`` below.

        An exclusion of that folder itself means nothing to who names it.
        """
        include, exclude = self.include, self.exclude
        if exclude is not None:
            kept = [g for g in exclude if not PathFilter((), [g]).leaves_out(relative, folder=True)]
            exclude = _rebased(kept, relative)
        if include is not None:
            include = _rebased(include, relative)
        return self.changed_by(RootOptions(include=include, exclude=exclude))

    @property
    def selection(self) -> PathFilter:
        """Which files are considered."""
        return PathFilter(self.include or (), self.exclude or ())

    @property
    def pixel_limit(self) -> int:
        """More pixels than this are rejected."""
        return self.max_pixels or DEFAULT_MAX_PIXELS

    def label(self, path: str, before: str | None) -> str | None:
        """The label that a known file shall have."""
        if self.label_from is None:
            return before
        return folder_label(path) if self.label_from == "parent" else None


@dataclass(frozen=True, slots=True)
class IndexOptions(RootOptions):
    """How one run indexes; what is left ``None`` is as remembered of each folder.

    Attributes:
        accept_removals: go on where a folder lost so much that its disk may be away.
        rehash: read every file, also those whose size and time are as they were.
        batch_size: images a forward pass; ``None`` chooses it from free memory.
        workers: decoding threads; ``None`` means one a core.
        within: absolute folders, themselves without links, out of which no link is followed;
            ``None`` to follow all.

    Raises:
        InputError: a value that no run can follow; it would be remembered.
    """

    accept_removals: bool = False
    rehash: bool = False
    batch_size: int | None = None
    workers: int | None = None
    within: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.label_from not in (None, *get_args(LabelFrom)):
            raise InputError(f"label_from {self.label_from!r} is unknown; use parent or none")
        for name in ("include", "exclude"):
            globs = getattr(self, name)
            if isinstance(globs, str):
                raise InputError(f"{name} is the text {globs!r}; give a tuple of globs")
            if globs is not None:
                object.__setattr__(self, name, tuple(globs))
        check_least("max_pixels", self.max_pixels, 0)
        check_least("batch_size", self.batch_size, 1)
        check_least("workers", self.workers, 1)


def check_least(name: str, given: int | None, least: int) -> None:
    """Refuse a number that is too small; ``None`` was not given.

    Raises:
        InputError: naming the option.
    """
    if given is not None and given < least:
        raise InputError(f"{name} is {given}; give {least} or more")


def _rebased(globs: Iterable[str], relative: str) -> tuple[str, ...]:
    return tuple(glob for glob in (rebase(g, relative) for g in globs) if glob is not None)


def relative_to(path: str, folder: str) -> str:
    """``path`` as seen from a folder that it lies in, with slashes; empty for the folder itself."""
    if path == folder:
        return ""
    return path[len(os.path.join(folder, "")) :].replace(os.sep, "/")
