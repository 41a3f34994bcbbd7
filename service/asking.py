"""What the user asked with, made into query vectors and pictures to show."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.errors import ImageRejectedError, InputError

if TYPE_CHECKING:
    from generator.checkpoint_files import CheckpointInfo
    from search.collection import Collection


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, ready to be searched and shown.

    Attributes:
        title: what was asked, for people.
        vectors: space name -> (m, dim) float32.
        pictures: encoded bytes of the query pictures and a caption for each.
        exclude: ids that are the query itself.
        background: space name -> (b, dim) float32, what unrelated prompts made; ``None`` without.
    """

    title: str
    vectors: dict[str, NDArray[np.float32]]
    pictures: list[tuple[bytes, str]] = field(default_factory=list)
    exclude: frozenset[int] = frozenset()
    background: dict[str, NDArray[np.float32]] | None = None


def ask_by_image(pictures: Collection, text: str, data: bytes | None) -> Asked:
    """A file, the bytes of one (``data``), or an indexed image by id or path.

    A file on disk is embedded anew, since it may have changed since it was indexed.

    Raises:
        InputError: neither a picture that can be opened nor an indexed image.
    """
    if data is not None:
        if not data:
            raise InputError("standard input was empty; pipe an image into it")
        try:
            vectors = pictures.embed(data)
        except ImageRejectedError as error:
            raise unusable_picture("standard input", error) from error
        return Asked("standard input", vectors, [(data, "standard input")])
    path = os.path.expanduser(text)
    if os.path.exists(path):
        from indexer.images.files import read_file

        try:
            content = read_file(path).data
            vectors = pictures.embed(content)
        except ImageRejectedError as error:
            raise unusable_picture(repr(text), error) from error
        return Asked(text, vectors, [(content, os.path.basename(path))])
    return _ask_indexed(pictures, text)


def unusable_picture(what: str, error: ImageRejectedError) -> InputError:
    """The refusal of a picture that the user named, which a reject alone does not name."""
    return InputError(f"{what} cannot be used: {error.detail}; give an image file")


def _ask_indexed(pictures: Collection, text: str) -> Asked:
    try:
        image_id = pictures.store.resolve(text)
    except InputError as error:
        raise InputError(
            f"{text!r} is no file, and no image of this collection by id or path; check the "
            "spelling, or pipe the picture in and use -"
        ) from error
    vectors = {
        name: pictures.store.vectors([image_id], name) for name, _ in pictures.fingerprint.spaces
    }
    (row,) = pictures.store.metadata([image_id])
    shown = [(data, f"image {image_id}") for data in _first_readable(row["paths"])]
    return Asked(f"image {image_id}", vectors, shown, frozenset({image_id}))


def _first_readable(paths: list[str]) -> list[bytes]:
    from indexer.images.files import read_file

    for path in paths:
        try:
            return [read_file(path).data]
        except ImageRejectedError:
            continue
    return []


def ask_by_prompt(
    pictures: Collection, prompt: str, *, seeds: int, model: str, background: int
) -> Asked:
    """Images that a prompt makes from the first seeds, embedded one by one.

    They are cached by recipe, beside the encoders' caches: asking again generates nothing. They do
    not enter the collection. So are those of unrelated prompts, which the hits are compared with.

    Args:
        pictures: whose encoder embeds them.
        prompt: what to draw.
        seeds: how many images.
        model: which draws them.
        background: how many unrelated prompts, at most.

    Raises:
        InputError: the prompt is empty.
        CheckpointError: the model cannot be had.
        GenerationError: an image could not be made.
    """
    from generator import text_to_image
    from generator.batch import generate_all
    from generator.checkpoint_files import find_checkpoint
    from generator.checks import Sampling
    from indexer.encoders.storage import cache_dir
    from indexer.images.files import read_file
    from service.making import Work
    from service.progress import MakingDisplay

    info = find_checkpoint(model)
    for note in _limits(pictures, info, prompt):
        print(f"note: {note}", file=sys.stderr)
    recipes = text_to_image.plan(info, prompt, sampling=Sampling(n=seeds))
    work = Work(info, recipes)
    shown = []
    with MakingDisplay(quiet=False, total=seeds) as display:
        for file in generate_all(recipes, cache_dir() / "queries", work.load):
            shown.append((read_file(file.path).data, f"seed {file.recipe.seed}"))
            display.count(len(shown), seeds)
    vectors = pictures.embed(*(data for data, _ in shown))
    others = _ask_background(pictures, info, prompt, background) if background else None
    return Asked(f"“{prompt}”", vectors, shown, background=others)


def _limits(pictures: Collection, info: CheckpointInfo, prompt: str) -> list[str]:
    """What the models cannot do with a prompt, in a line."""
    from generator.scope import outside_notes
    from indexer.encoders import EMBEDDED

    notes = outside_notes(info, [prompt])
    if notes and pictures.fingerprint.checkpoint == EMBEDDED:
        return [f"{notes[0]}; {EMBEDDED}, which compares it, is a small ViT trained for saliency"]
    return notes


def _ask_background(
    pictures: Collection, info: CheckpointInfo, prompt: str, count: int
) -> dict[str, NDArray[np.float32]] | None:
    from service.background import SECONDS, make_background
    from service.progress import MakingDisplay

    with MakingDisplay(quiet=False, total=count, what="comparing") as display:
        made = make_background(pictures, info, prompt, count=count, on_image=display.count)
    if len(made) < made.wanted:
        print(
            f"{len(made)} of {made.wanted} unrelated prompts to compare with were drawn in "
            f"{SECONDS:.0f} s; the next search by prompt goes on",
            file=sys.stderr,
        )
    return made.vectors if len(made) else None
