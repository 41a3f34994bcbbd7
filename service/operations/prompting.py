"""A prompt as a query: images that it makes, and what unrelated prompts make to compare with."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from vitrail.service.operations.background import make_background
from vitrail.service.operations.progress import Note, Progress, QueryProgress
from vitrail.service.operations.queries import Examples, Question
from vitrail.service.operations.query_kinds import PromptQuery
from vitrail.service.operations.searching import EmbeddedQuery, QueryImage

if TYPE_CHECKING:
    from pathlib import Path

    from vitrail.generator.checkpoints.files import CheckpointInfo
    from vitrail.generator.monitoring import Preview
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.service.operations.searchable import Searchable


def embed_prompt(
    collection: Searchable,
    query: PromptQuery,
    *,
    progress: Progress,
    cancellation: Cancellation | None,
    preview: Preview | None = None,
) -> EmbeddedQuery:
    """Images that a prompt makes from the first seeds, embedded one by one.

    They are cached by recipe, beside the encoders' caches: asking again generates nothing. They do
    not enter the collection.

    Raises:
        InputError: the prompt is empty.
        CheckpointError: the model cannot be had.
        GenerationError: an image could not be made.
        CancelledError: somebody asked to stop.
    """
    from vitrail.generator.checkpoints.files import find_checkpoint
    from vitrail.generator.checks import check_prompt
    from vitrail.search.images import embed_images

    check_prompt(query.prompt)
    progress(QueryProgress("generating", 0, query.seeds))
    info = find_checkpoint(query.model)
    for note in _limits(collection, info, query.prompt):
        progress(Note(note))
    images = _draw(info, query, cancellation, preview)
    encoder = collection.encoder  # of the images and of what they are compared with
    vectors = embed_images(encoder, [one.data for one in images])
    question = Question(Examples((vectors,)), encoder=encoder.fingerprint)
    embedded = EmbeddedQuery(f"“{query.prompt}”", question, images, seeds=True)
    if not query.unrelated:
        return embedded
    progress(QueryProgress("comparing", 0, query.unrelated))
    made = make_background(
        encoder,
        info,
        query.prompt,
        count=query.unrelated,
        device=query.device,
        precision=query.precision,
        cancellation=cancellation,
        on_image=lambda done, total: progress(QueryProgress("comparing", done, total)),
    )
    background = made.vectors if len(made) else None
    question = replace(embedded.question, background=background)
    return replace(embedded, question=question, unrelated=made.wanted)


def _draw(
    info: CheckpointInfo,
    query: PromptQuery,
    cancellation: Cancellation | None,
    preview: Preview | None,
) -> tuple[QueryImage, ...]:
    from vitrail.generator.batch import generate_all
    from vitrail.generator.checks import Sampling
    from vitrail.generator.monitoring import Monitor
    from vitrail.generator.tasks import text_to_image
    from vitrail.indexer.images.files import read_file
    from vitrail.service.operations.making import Work

    recipes = text_to_image.plan(info, query.prompt, sampling=Sampling(n=query.seeds))
    work = Work(info, recipes, device=query.device, precision=query.precision)
    monitor = Monitor(cancellation=cancellation, preview=preview)
    return tuple(
        QueryImage(read_file(file.path).data, f"seed {file.recipe.seed}", str(file.path), made=True)
        for file in generate_all(recipes, _folder(query), work.load, monitor=monitor)
    )


def _folder(query: PromptQuery) -> Path:
    from vitrail.indexer.files.cache import cache_dir

    folder = cache_dir() / "queries"
    how = (query.device, query.precision)
    if how != ("auto", "auto"):  # what was made otherwise is not what is asked for
        folder /= re.sub(r"\W", "-", "-".join(how))
    return folder


def _limits(collection: Searchable, info: CheckpointInfo, prompt: str) -> list[str]:
    """What the models cannot do with a prompt, in a line."""
    from vitrail.generator.checkpoints.scope import outside_notes
    from vitrail.indexer.encoders import EMBEDDED

    notes = outside_notes(info, [prompt])
    if notes and collection.fingerprint.checkpoint == EMBEDDED:
        return [f"{notes[0]}; {EMBEDDED}, which compares it, is a small ViT trained for saliency"]
    return notes
