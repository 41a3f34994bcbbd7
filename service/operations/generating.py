"""Images from prompts and images, made, embedded and indexed with their recipes."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.collection.layout import is_collection
from vitrail.indexer.errors import CheckpointError
from vitrail.service.operations.inputs import open_input
from vitrail.service.operations.making import Generated, Work, make_and_index
from vitrail.service.operations.opening import EncoderChoice, open_or_create
from vitrail.service.operations.planning import Model, plan_recipes, read_inputs
from vitrail.service.operations.progress import Note, Progress, nobody
from vitrail.service.operations.tasks import AS_THE_MODEL, GenerationOptions, Task, TextToImage

if TYPE_CHECKING:
    from vitrail.generator.monitoring import Preview
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.service.operations.collection import Collection


def generate(
    directory: Path,
    task: Task,
    options: GenerationOptions = AS_THE_MODEL,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Generated:
    """Make images, embed them, and index them with their recipes and lineage.

    Images already made by the same recipe are not made again.

    Args:
        directory: of the collection; begun where there is none.
        task: what to make.
        options: how.
        progress: told what is to be known, and of every step and image.
        cancellation: looked at after every step.

    Raises:
        UnknownImageError: an image to start from is not in the collection.
        InputError: an image, prompt, mask or option is unusable.
        CheckpointError: a model cannot be had.
        GenerationError: an image could not be made; those before it are kept and indexed.
        CollectionLockedError: another process is writing.
    """
    work = plan(directory, task, options)
    with _open(directory, options.encoder, progress) as collection:
        return make(collection, work, progress=progress, cancellation=cancellation)


def make(
    collection: Collection,
    work: Work,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
    preview: Preview | None = None,
) -> Generated:
    """Make what was planned, in a collection that is open and whose encoder stays loaded.

    Args:
        collection: that gets the images; threads may go on searching it.
        work: of ``plan_in``.
        progress: told what is to be known, and of every step and image.
        cancellation: looked at after every step.
        preview: asked after every step whether it wants the half-made image.

    Raises:
        CheckpointError: a model cannot be had.
        GenerationError: an image could not be made; those before it are kept and indexed.
        CollectionLockedError: another process is writing.
    """
    for note in _limits(work):
        progress(Note(note))
    return make_and_index(
        collection, work, progress=progress, cancellation=cancellation, preview=preview
    )


def plan(directory: Path, task: Task, options: GenerationOptions = AS_THE_MODEL) -> Work:
    """What ``generate`` would make; no model is loaded.

    Raises:
        UnknownImageError: an image to start from is not in the collection.
        InputError: an image, prompt, mask or option is unusable.
        CheckpointError: the generator's model cannot be had.
    """
    from vitrail.indexer.collection.store import CollectionStore

    looks = not isinstance(task, TextToImage) and is_collection(str(directory))
    with CollectionStore.open(directory) if looks else nullcontext() as store:
        return plan_in(store, task, options)


def plan_in(
    store: CollectionStore | None, task: Task, options: GenerationOptions = AS_THE_MODEL
) -> Work:
    """As ``plan``, of a collection that is open; without one, its images name none.

    Raises:
        UnknownImageError: an image to start from is not in the collection.
        InputError: an image, prompt, mask or option is unusable.
        CheckpointError: the generator's model cannot be had.
    """
    from vitrail.generator.adapters.loras import open_lora
    from vitrail.generator.checkpoints.files import find_checkpoint

    inputs = read_inputs(task, partial(open_input, store))
    info = find_checkpoint(options.model)
    loras = tuple(open_lora(text) for text in options.loras)
    return Work(
        info,
        plan_recipes(task, inputs, Model(info, loras), options),
        inputs.images,
        loras,
        options.device,
        options.precision,
        options.force,
    )


def _limits(work: Work) -> list[str]:
    """What a small model can do nothing with, before it tries."""
    from vitrail.generator.checkpoints.scope import outside_notes

    prompts = [recipe.prompt for recipe in work.recipes]
    images = [image for role, image in work.inputs.items() if role != "mask"]
    return outside_notes(work.info, prompts, images)


def _open(directory: Path, choice: EncoderChoice, progress: Progress) -> Collection:
    new = not is_collection(str(directory))
    try:
        return open_or_create(directory, choice, progress=progress)
    except CheckpointError as error:
        if not new or choice.checkpoint is not None:
            raise
        raise CheckpointError(
            f"there is no collection at {directory} yet, and the encoder of a new one cannot be "
            f"had: {error}"
        ) from error
