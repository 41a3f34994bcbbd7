"""Many recipes into a folder: what is there is not made again, and a kill leaves no half file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.monitoring import UNMONITORED, Monitor
from vitrail.generator.tasks.registry import run
from vitrail.generator.tasks.task import NO_INPUTS, Inputs
from vitrail.indexer.errors import GenerationError, InputError
from vitrail.indexer.files.begun import begun_name, sweep_begun
from vitrail.indexer.files.durability import write_bytes
from vitrail.indexer.recipes.png import encode_png, read_png
from vitrail.indexer.recipes.recipe import GeneratedImage, Recipe


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """An image in the folder.

    Attributes:
        path: the PNG file.
        recipe: complete, with the versions it was made with.
        nsfw: the safety checker's verdict, ``None`` without one.
        made: ``False`` if it was there already.
        seconds: wall time of its making, 0 if it was there.
        notes: as of ``GeneratedImage``.
    """

    path: Path
    recipe: Recipe
    nsfw: bool | None
    made: bool
    seconds: float
    notes: tuple[str, ...] = ()


def generate_all(
    recipes: Iterable[Recipe],
    folder: Path,
    model: DiffusionModel | Callable[[], DiffusionModel],
    *,
    inputs: Inputs = NO_INPUTS,
    force: bool = False,
    monitor: Monitor = UNMONITORED,
) -> Iterator[GeneratedFile]:
    """Make each recipe's image in ``folder``, one at a time, unless it is there; safe to kill.

    Args:
        recipes: what to make; the same one twice is made once.
        folder: created when missing.
        model: of all recipes, or what loads it: called only if something has to be made.
        inputs: role -> image, for all recipes.
        force: make what is there again.
        monitor: progress by step, and cancelling.

    Raises:
        InputError: as ``vitrail.generator.tasks.registry.run``.
        CheckpointError: as ``vitrail.generator.tasks.registry.run``.
        GenerationError: as ``vitrail.generator.tasks.registry.run``, or the folder cannot be
            written.
        CancelledError: ``monitor`` cancels it.
    """
    maker = Maker(folder, model, inputs, force=force, monitor=monitor)
    for recipe in recipes:
        found = maker.find(recipe)
        yield maker.keep(maker.make(recipe)) if found is None else found


class Maker:
    """Makes images of recipes, and keeps them in a folder; arguments are those of ``generate_all``.

    Raises:
        GenerationError: the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        model: DiffusionModel | Callable[[], DiffusionModel],
        inputs: Inputs,
        *,
        force: bool,
        monitor: Monitor,
    ) -> None:
        _prepare(folder)
        self._folder, self._model, self._inputs = folder, model, inputs
        self._force, self._monitor = force, monitor
        self._seen: set[str] = set()

    def place(self, recipe: Recipe) -> Path:
        """Where the file of a recipe's image is, or would be."""
        return self._folder / recipe.file_name

    def find(self, recipe: Recipe) -> GeneratedFile | None:
        """The image of a recipe if it is there, and not to be made again."""
        path = self.place(recipe)
        if self._force and path.name not in self._seen:
            return None
        self._seen.add(path.name)
        return find_made(path, recipe)

    def make(self, recipe: Recipe) -> GeneratedImage:
        """The image of a recipe, kept nowhere yet; the model is loaded if it is not."""
        self._monitor.check()
        self._model = self._model() if callable(self._model) else self._model
        return run(self._model, recipe, self._inputs, self._monitor)

    def keep(self, generated: GeneratedImage) -> GeneratedFile:
        """Write an image that was made into the folder.

        Raises:
            GenerationError: the disk is full or the folder cannot be written.
        """
        path = self.place(generated.recipe)
        write_image(generated, path)
        self._seen.add(path.name)
        return GeneratedFile(
            path,
            generated.recipe,
            generated.nsfw,
            made=True,
            seconds=generated.seconds,
            notes=generated.notes,
        )


def find_made(path: Path, recipe: Recipe) -> GeneratedFile | None:
    """The image of the recipe if the file holds it whole; ``None`` if not."""
    try:
        _, inscription = read_png(path.read_bytes())
    except (OSError, InputError):
        return None
    if inscription.recipe.identity != recipe.identity:
        return None
    return GeneratedFile(path, inscription.recipe, inscription.nsfw, made=False, seconds=0.0)


def write_image(generated: GeneratedImage, path: Path) -> None:
    """Write a PNG so that it is there in whole or not at all, and durable.

    Raises:
        GenerationError: the disk is full or the folder cannot be written.
    """
    data = encode_png(generated)
    place = os.path.abspath(path)
    try:
        write_bytes(place, data, temporary=begun_name(place))
    except OSError as error:
        raise GenerationError(
            f"{path} cannot be written: {error.strerror}; free space or choose another "
            f"folder, then run again to go on"
        ) from error


def _prepare(folder: Path) -> None:
    """Create the folder, and sweep what killed processes left in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep_begun(os.fspath(folder))
    except OSError as error:
        raise GenerationError(
            f"folder {folder} cannot be used: {error.strerror}; choose another one"
        ) from error
