"""A recipe run again, and how alike the result is."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitrail.indexer.encoders.settings import check_placement
from vitrail.indexer.errors import InputError
from vitrail.service.operations.progress import GenerationProgress, Progress, nobody
from vitrail.service.operations.references import StoredImage, find_image

if TYPE_CHECKING:
    from vitrail.generator.images import InputImage
    from vitrail.generator.models.pipelines import DiffusionModel
    from vitrail.generator.reproduction import Difference, Reproduction
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.indexer.recipes.recipe import Parent, Recipe
    from vitrail.service.operations.collection import Collection


@dataclass(frozen=True, slots=True)
class ReproductionOptions:
    """Where a recipe's files are now, and how it is run.

    Attributes:
        model: the recipe's checkpoint under another name than it was used by.
        loras: files of the recipe's LoRAs that are not where they were.
        ip_adapter: file or directory of its IP-Adapter, if that is not where it was.
        device: of the generator.
        precision: of the generator.

    Raises:
        InputError: a device or precision that no machine has.
    """

    model: str | None = None
    loras: tuple[str, ...] = ()
    ip_adapter: str | None = None
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_placement(self.device, self.precision)


AS_IT_WAS = ReproductionOptions()
"""Everything is where it was."""


@dataclass(frozen=True, slots=True)
class Reproduced:
    """What a recipe gives now.

    Attributes:
        png: the new image, as a PNG file without a recipe.
        bytes_equal: whether the files are the same to the byte, versions aside.
        pixels_equal: whether the images are the same.
        mean_difference: mean absolute difference of the pixel values, 0 to 255; ``None`` if the
            sizes differ.
        cosines: space name -> cosine of the two embeddings, -1 to 1.
        versions: what changed since, of libraries, device and precision.
    """

    png: bytes = field(repr=False)
    bytes_equal: bool
    pixels_equal: bool
    mean_difference: float | None
    cosines: Mapping[str, float]
    versions: tuple[Difference, ...]


def reproduce(
    collection: Collection,
    image: StoredImage,
    options: ReproductionOptions = AS_IT_WAS,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Reproduced:
    """Run the recipe of an image again; compare bytes, pixels and embeddings.

    Args:
        collection: that holds it; gets nothing new.
        image: what names it.
        options: where the recipe's files are now, and how it is run.
        progress: told of every step.
        cancellation: looked at after every step.

    Raises:
        UnknownImageError: no image is named so.
        InputError: it has no recipe of ours, or its file or a parent's is gone.
        CheckpointError: the checkpoint, a LoRA or an IP-Adapter is gone or another one.
        GenerationError: it cannot be made here.
        CancelledError: somebody asked to stop.
    """
    from vitrail.generator.adapters.ip_adapters import open_ip_adapter
    from vitrail.generator.monitoring import Monitor
    from vitrail.generator.reproduction import reproduce as run
    from vitrail.indexer.images.files import read_file

    (row,) = collection.store.metadata([find_image(collection.store, image)])
    _check_own(row)
    original = read_file(_existing(row)).data
    if options.ip_adapter is not None:
        open_ip_adapter(options.ip_adapter)  # found by its hash from now on, like any used before

    def step(done: int, total: int) -> None:
        progress(GenerationProgress("reproducing", 1, step=done, steps=total))

    progress(GenerationProgress("loading", 1))
    made = run(
        original,
        lambda recipe: _load(recipe, options),
        lambda parent: _find(collection, parent),
        Monitor(on_step=step, cancellation=cancellation),
    )
    return _compared(collection, original, made)


def _compared(collection: Collection, original: bytes, made: Reproduction) -> Reproduced:
    png = io.BytesIO()
    made.image.save(png, "PNG")
    pairs = collection.embed(original, png.getvalue())
    return Reproduced(
        png.getvalue(),
        made.bytes_equal,
        made.pixels_equal,
        made.mean_difference,
        {space: float(np.dot(rows[0], rows[1])) for space, rows in pairs.items()},
        made.versions,
    )


def _load(recipe: Recipe, options: ReproductionOptions) -> DiffusionModel:
    from vitrail.generator.adapters.loras import find_loras
    from vitrail.generator.models.pipelines import load_model

    # the revision is one of the recipe's own name
    named, revision = (recipe.checkpoint, recipe.revision)
    if options.model is not None:
        named, revision = options.model, None
    return load_model(
        named,
        revision=revision,
        loras=find_loras(recipe.lora, options.loras),
        device=options.device,
        precision=options.precision,
    )


def _check_own(row: ImageInfo) -> None:
    if not (row.recipe or {}).get("checkpoint_hash"):
        raise InputError(
            f"image {row.id} has no recipe that Vitrail can run: only images it made itself "
            "name everything that is needed"
        )


def _existing(row: ImageInfo) -> str:
    for path in row.paths:
        if Path(path).exists():
            return str(path)
    raise InputError(f"the file of image {row.id} is not on disk any more: {row.path}")


def _find(collection: Collection, parent: Parent) -> InputImage | None:
    from vitrail.generator.images import open_input_image

    store = collection.store
    ids = store.allowed_ids("content_hash = ?", [parent.content_hash]).tolist()
    for row in store.metadata(ids):
        role = f"the recipe's {parent.role} image"
        return open_input_image(_existing(row), image_id=row.id, role=role)
    return None
