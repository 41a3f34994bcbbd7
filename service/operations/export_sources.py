"""What is exported, on whose images it is measured, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.indexer.errors import InputError
from vitrail.indexer.spaces import parse_whitened
from vitrail.indexer.vectors.whitening import Moments, Whitening, least_rows
from vitrail.service.operations.export_images import (
    Floats,
    paths_of_collection,
    paths_of_folder,
)

if TYPE_CHECKING:
    from vitrail.service.operations.collection import Collection

_FITTING = 2  # times the images that a whitening needs: a third of them may calibrate


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How an encoder is exported.

    Attributes:
        sample: images that it is calibrated and measured on, at most.
        copied: of them, how many are copied, each in six ways.
        seed: of the draw.
        tried: whether its speed and memory, and its source's, are measured, each in a process of
            its own.
        forced: keep it though it falls short; it stays marked, and serves no other's collection.
    """

    sample: int = 300
    copied: int = 40
    seed: int = 0
    tried: bool = True
    forced: bool = False

    def __post_init__(self) -> None:
        for name in ("sample", "copied"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give 1 or more")


@dataclass(frozen=True, slots=True)
class ExportSource:
    """What is exported, and whose images it is measured on.

    Attributes:
        checkpoint: Hub name, directory or embedded model.
        spaces: that the export gives; none for the checkpoint's own.
        paths: image files.
        searched: spaces that searches weigh; none for all.
        derive: adds rows of derived spaces to those of stored ones.
    """

    checkpoint: str
    spaces: tuple[str, ...]
    paths: tuple[str, ...]
    searched: tuple[str, ...]
    derive: Callable[[Mapping[str, Floats]], dict[str, Floats]]


def source_of_collection(collection: Collection, options: ExportOptions) -> ExportSource:
    """A collection's own encoder, its own images, and the spaces that its searches weigh."""
    from vitrail.search.derived import with_derived

    own = collection.store.fingerprint
    weights = collection.store.default_weights or dict(own.spaces)
    searched = tuple(weights)

    def derive(rows: Mapping[str, Floats]) -> dict[str, Floats]:
        return with_derived(rows, searched, collection.store.snapshot())

    paths = paths_of_collection(collection, options.sample, options.seed)
    names = tuple(name for name, _ in own.spaces)
    return ExportSource(own.checkpoint, names, tuple(paths), searched, derive)


def source_of_folder(
    checkpoint: str, spaces: Sequence[str], folder: str, options: ExportOptions
) -> ExportSource:
    """A checkpoint, and the images of a folder; searches weigh what a new collection's would.

    Raises:
        CheckpointError: the checkpoint cannot be had.
        InputError: there is no such folder, or the checkpoint has no such space.
    """
    from vitrail.indexer.encoders import read_fingerprint
    from vitrail.indexer.encoders.checkpoints import awaited_space

    own = read_fingerprint(checkpoint, spaces)
    paths = tuple(paths_of_folder(folder, options.sample, options.seed))
    awaited = None if spaces else awaited_space(own)
    if awaited is None or len(paths) < _FITTING * least_rows(max(dim for _, dim in own.spaces)):
        return ExportSource(checkpoint, tuple(spaces), paths, (), dict)
    return ExportSource(checkpoint, (), paths, (awaited,), WhitenedOnFirst(awaited))


@dataclass(slots=True)
class WhitenedOnFirst:
    """Adds the whitened form of a space, fitted on the rows that come first.

    Args:
        name: of the derived space.
    """

    name: str
    _fitted: Whitening | None = None

    def __call__(self, rows: Mapping[str, Floats]) -> dict[str, Floats]:
        """Rows of the stored spaces, (n, dim) float32 each, and of the derived one."""
        base, cut = parse_whitened(self.name)
        if self._fitted is None:
            moments = Moments(rows[base].shape[1])
            moments.add(rows[base])
            self._fitted = moments.whitening(cut)
        return {**rows, self.name: self._fitted.apply(rows[base])}
