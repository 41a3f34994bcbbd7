"""Recipes into images into the collection: what the generating commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vitrail.indexer.errors import InputError, UnknownImageError

if TYPE_CHECKING:
    from vitrail.generator.checkpoint_files import CheckpointInfo
    from vitrail.generator.loras import LoraFile
    from vitrail.generator.pictures import Picture
    from vitrail.generator.pipelines import DiffusionModel
    from vitrail.generator.watching import Watch
    from vitrail.indexer.recipes.recipe import Recipe
    from vitrail.search.collection import Collection

CHUNK = 16  # images made before they are indexed: what a kill can leave for the next run to index


@dataclass(frozen=True, slots=True)
class Work:
    """Recipes of one model, and the pictures they start from.

    Attributes:
        info: the checkpoint.
        recipes: what to make, in order.
        pictures: role -> picture, for recipes with parents.
        loras: low-rank weights of all of them.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``fp32``, ``fp16`` or ``bf16``.
    """

    info: CheckpointInfo
    recipes: Sequence[Recipe]
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    loras: Sequence[LoraFile] = ()
    device: str = "auto"
    precision: str = "auto"

    def load(self) -> DiffusionModel:
        """The model that makes them; loaded once, however often it is asked for."""
        from vitrail.generator.pipelines import load_model

        return load_model(self.info, loras=self.loras, device=self.device, precision=self.precision)


@dataclass(slots=True)
class Made:
    """What became of the recipes so far; ``stage`` is what is being done."""

    total: int
    made: int = 0
    there: int = 0
    paths: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False
    stage: Literal["generating", "indexing"] = "generating"


def make_and_index(
    collection: Collection,
    work: Work,
    *,
    force: bool,
    watch: Watch,
    on_image: Callable[[Made], None],
) -> Made:
    """Make every recipe's image that is not there yet, and index it, a chunk at a time.

    Files appear whole or not at all, and the collection commits each chunk; so a kill loses at
    most the image being made, and the next run indexes what a kill left unindexed.

    Raises:
        GenerationError: an image could not be made; those before it are kept and indexed.
        CollectionLockedError: another process is writing.
    """
    from vitrail.generator.batch import generate_all
    from vitrail.generator.watching import GenerationCancelledError

    directory = Path(collection.store.generated_directory)
    directory.mkdir(parents=True, exist_ok=True)
    made = Made(total=len(work.recipes))
    waiting: list[Path] = []

    def index() -> None:
        if not waiting:
            return
        made.stage = "indexing"
        on_image(made)
        _index(collection, waiting)
        waiting.clear()
        made.stage = "generating"

    try:
        for file in generate_all(
            work.recipes, directory, work.load, pictures=work.pictures, force=force, watch=watch
        ):
            made.there += not file.made
            made.made += file.made
            made.paths.append(file.path)
            made.notes.extend(note for note in file.notes if note not in made.notes)
            waiting.append(file.path)
            on_image(made)
            if len(waiting) >= CHUNK:
                index()
    except (GenerationCancelledError, KeyboardInterrupt):
        made.interrupted = True
    finally:
        index()
    return made


def _index(collection: Collection, paths: Sequence[Path]) -> None:
    if paths:
        collection.index(*paths)


def open_input(collection: Collection | None, text: str, role: str) -> Picture:
    """A picture to start from: a file, or an image of the collection by id or path.

    Args:
        collection: where ids and paths are looked up; ``None`` without one.
        text: what the user wrote.
        role: the argument that it was written for, for messages.

    Raises:
        InputError: neither, or it is no usable image.
    """
    from vitrail.generator.pictures import open_picture

    path = os.path.expanduser(text)
    if os.path.exists(path):
        return open_picture(path, image_id=_id_of(collection, path), role=role)
    if collection is None:
        raise InputError(f"{role} {text!r} is no file; check the spelling")
    image_id = _resolve(collection, text, role)
    (row,) = collection.store.metadata([image_id])
    for known in row.paths:
        if os.path.exists(known):
            return open_picture(known, image_id=image_id, role=f"{role} {text!r}, file")
    raise InputError(
        f"{role} {text!r} is image {image_id}, whose file is not on disk any more: {row.path}; "
        "bring it back, or give another"
    )


def _resolve(collection: Collection, text: str, role: str) -> int:
    try:
        return collection.store.resolve(text)
    except UnknownImageError as error:
        raise InputError(f"{role} {text!r} is no file here, and {error}") from error
    except InputError as error:
        raise InputError(f"{role} {error}") from error


def _id_of(collection: Collection | None, path: str) -> int | None:
    if collection is None:
        return None
    try:
        return collection.store.resolve(os.path.abspath(path))
    except InputError:  # a file that was never indexed can be a parent too, by its content
        return None
