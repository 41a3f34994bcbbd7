"""What the user asked with, made into query vectors and pictures to show."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import ImageRejectedError, InputError, UnknownImageError
from vitrail.indexer.wording import counted

if TYPE_CHECKING:
    from vitrail.generator.checkpoint_files import CheckpointInfo
    from vitrail.search.collection import Collection

DEFAULT_SEEDS = 4
DEFAULT_BACKGROUND = 32
"""Unrelated prompts that the hits of a prompt are compared with."""
_NAME = re.compile(r"[/\\]|\.\w{1,5}$")  # what only a file's name has


@dataclass(frozen=True, slots=True)
class QueryPicture:
    """A picture that is asked with.

    Attributes:
        data: its encoded bytes.
        caption: what it is.
        path: absolute, of its file; ``None`` where it came through a pipe.
    """

    data: bytes
    caption: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, ready to be searched and shown.

    Attributes:
        title: what was asked, for people.
        vectors: space name -> (m, dim) float32.
        pictures: what is asked with, to be shown.
        exclude: ids that are the query itself.
        background: space name -> (b, dim) float32, what unrelated prompts made; ``None`` without.
    """

    title: str
    vectors: dict[str, NDArray[np.float32]]
    pictures: list[QueryPicture] = field(default_factory=list)
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
        return Asked("standard input", vectors, [QueryPicture(data, "standard input")])
    path = os.path.expanduser(text)
    if os.path.exists(path):
        from vitrail.indexer.images.files import read_file

        try:
            content = read_file(path).data
            vectors = pictures.embed(content)
        except ImageRejectedError as error:
            raise unusable_picture(repr(text), error) from error
        shown = QueryPicture(content, os.path.basename(path), os.path.abspath(path))
        return Asked(text, vectors, [shown])
    return _ask_indexed(pictures, text)


def unusable_picture(what: str, error: ImageRejectedError) -> InputError:
    """The refusal of a picture that the user named, which a reject alone does not name."""
    return InputError(f"{what} cannot be used: {error.detail}; give an image file")


def _ask_indexed(pictures: Collection, text: str) -> Asked:
    try:
        image_id = pictures.store.resolve(text)
    except UnknownImageError as error:
        raise InputError(
            f"{text!r} is no file, and no image of this collection by id or path; {_advice(text)}"
        ) from error
    vectors = {
        name: pictures.store.vectors([image_id], name) for name, _ in pictures.fingerprint.spaces
    }
    (row,) = pictures.store.metadata([image_id])
    shown = _first_readable(row.paths, f"image {image_id}")
    name = f"image {image_id}, {row.name}" if row.name else f"image {image_id}"
    return Asked(name, vectors, shown, frozenset({image_id}))


def _advice(text: str) -> str:
    """What to do about a text that names no picture: it may be meant as a prompt."""
    if _NAME.search(text) or not re.search(r"[^\W\d_]", text):
        return "check the spelling, or pipe the picture in and use -"
    quoted = shlex.quote(text) if set(text) & set('"$`\\!') else f'"{text}"'
    return f"to search by what words say: --prompt {quoted}"


def _first_readable(paths: Sequence[str], caption: str) -> list[QueryPicture]:
    from vitrail.indexer.images.files import read_file

    for path in paths:
        try:
            return [QueryPicture(read_file(path).data, caption, path)]
        except ImageRejectedError:
            continue
    return []


def ask_by_prompt(
    pictures: Collection,
    prompt: str,
    *,
    seeds: int,
    model: str,
    device: str = "auto",
    precision: str = "auto",
) -> Asked:
    """Images that a prompt makes from the first seeds, embedded one by one.

    They are cached by recipe, beside the encoders' caches: asking again generates nothing. They do
    not enter the collection.

    Args:
        pictures: what is asked.
        prompt: what to draw.
        seeds: images.
        model: Stable Diffusion checkpoint.
        device: of the generator.
        precision: of the generator.

    Raises:
        InputError: the prompt is empty.
        CheckpointError: the model cannot be had.
        GenerationError: an image could not be made.
    """
    from vitrail.generator import text_to_image
    from vitrail.generator.batch import generate_all
    from vitrail.generator.checkpoint_files import find_checkpoint
    from vitrail.generator.checks import Sampling
    from vitrail.indexer.files.cache import cache_dir
    from vitrail.indexer.images.files import read_file
    from vitrail.service.making import Work

    info = find_checkpoint(model)
    for note in _limits(pictures, info, prompt):
        print(f"note: {note}", file=sys.stderr)
    recipes = text_to_image.plan(info, prompt, sampling=Sampling(n=seeds))
    work = Work(info, recipes, device=device, precision=precision)
    folder = cache_dir() / "queries"
    if (device, precision) != ("auto", "auto"):  # what was made otherwise is not what is asked for
        folder /= re.sub(r"\W", "-", f"{device}-{precision}")
    shown = [
        QueryPicture(read_file(file.path).data, f"seed {file.recipe.seed}", str(file.path))
        for file in generate_all(recipes, folder, work.load)
    ]
    vectors = pictures.embed(*(one.data for one in shown))
    return Asked(f"“{prompt}”", vectors, shown)


def compare_with_unrelated(
    pictures: Collection,
    asked: Asked,
    prompt: str,
    *,
    model: str,
    count: int,
    device: str = "auto",
    precision: str = "auto",
) -> Asked:
    """The question with what unrelated prompts make, drawn first where it is not known yet.

    Args:
        pictures: what is asked.
        asked: by the prompt.
        prompt: the prompt.
        model: Stable Diffusion checkpoint.
        count: of unrelated prompts, at most.
        device: of the generator.
        precision: of the generator.

    Raises:
        GenerationError: an image could not be made.
    """
    from vitrail.generator.checkpoint_files import find_checkpoint
    from vitrail.service.background import SECONDS, make_background
    from vitrail.service.progress import MakingDisplay

    with MakingDisplay(quiet=False, total=count) as display:
        made = make_background(
            pictures,
            find_checkpoint(model),
            prompt,
            count=count,
            device=device,
            precision=precision,
            on_image=lambda done, total: display.count("unrelated prompts", done, total),
        )
    if len(made) < made.wanted:
        print(
            f"{len(made)} of {counted(made.wanted, 'unrelated prompt')} to compare with drawn in "
            f"{SECONDS:.0f} s; the next search by prompt goes on",
            file=sys.stderr,
        )
    return replace(asked, background=made.vectors if len(made) else None)


def _limits(pictures: Collection, info: CheckpointInfo, prompt: str) -> list[str]:
    """What the models cannot do with a prompt, in a line."""
    from vitrail.generator.scope import outside_notes
    from vitrail.indexer.encoders import EMBEDDED

    notes = outside_notes(info, [prompt])
    if notes and pictures.fingerprint.checkpoint == EMBEDDED:
        return [f"{notes[0]}; {EMBEDDED}, which compares it, is a small ViT trained for saliency"]
    return notes
