"""Images with captions to learn from: found, read once, each content once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.indexing.ahead import map_ahead
from vitrail.indexer.paths import display
from vitrail.indexer.recipes.foreign import read_recipe
from vitrail.indexer.wording import counted
from vitrail.search.classification.labelled import first_few
from vitrail.service.operations.progress import AnalysisProgress, Progress
from vitrail.service.operations.training_files import column_values, files_in, tell_left_out

if TYPE_CHECKING:
    from vitrail.generator.training.captioned import CaptionedImage
    from vitrail.indexer.cancellation import Cancellation

_AHEAD = 16
_LONGEST = 1 << 16  # bytes of a caption's file
_PROMPT = "prompt"  # the collection's column of what recipes asked for
_REMEDY = (
    "write each one's caption into a text file beside it (cat.png: cat.txt), name a column by "
    "--captions, or give all of them one by --prompt"
)


@dataclass(frozen=True, slots=True)
class CaptionedSource:
    """Where images and their captions come from: folders, or a collection.

    Attributes:
        folders: of images. A text file of an image's name beside it is its caption; otherwise the
            prompt is that it was made by.
        collection: the directory of a collection, in the place of folders.
        captions: the collection's column whose values are captions; ``None`` is what the images
            were made by.
        where: SQL expression over its columns: which images are learned from.
        prompt: caption of all images, in the place of their own; ``None`` for these.

    Raises:
        InputError: folders and a collection, or neither, or a caption that says nothing.
    """

    folders: tuple[str, ...] = ()
    collection: str | None = None
    captions: str | None = None
    where: str | None = None
    prompt: str | None = None

    def __post_init__(self) -> None:
        if self.folders and (self.captions is not None or self.where is not None):
            raise InputError(
                "folders were given beside a column or a filter of a collection; leave the one or "
                "the other out"
            )
        if not self.folders and self.collection is None:
            raise InputError("nothing was given to learn from: name folders, or a collection")
        if self.prompt is not None and self.captions is not None:
            raise InputError("--prompt and --captions both say what the images show; leave one out")
        if self.prompt is not None and not self.prompt.strip():
            raise InputError("--prompt is empty; say what the images show, such as 'a zeb dog'")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A file, and its caption where something beside it tells it."""

    path: str
    caption: str | None


def find_captioned(
    source: CaptionedSource, progress: Progress, cancellation: Cancellation
) -> tuple[CaptionedImage, ...]:
    """The images of a source with their captions, by path; broken ones and copies left out.

    Raises:
        InputError: a folder or column is missing, an image has no caption, or there is no image.
        CollectionError: the collection is missing or damaged.
        CancelledError: somebody asked to stop.
    """
    candidates = _in_folders(source) if source.folders else _in_collection(source)
    return read_captioned(candidates, progress, cancellation)


def check_tokens(images: Sequence[CaptionedImage], tokens: Sequence[str]) -> None:
    """Refuse captions by which nothing is learned of tokens; harmless without tokens.

    Raises:
        InputError: one names no token, or no one names a token.
    """
    captions = dict.fromkeys(image.caption for image in images)
    silent = [one for one in captions if not any(token in one for token in tokens)]
    if tokens and silent:
        named = " or ".join(tokens)
        raise InputError(
            f"{counted(len(silent), 'caption')} without {named} ({first_few(silent)}): put the "
            f"token where it belongs, or give all images one caption: --prompt 'a {tokens[0]}'"
        )
    unnamed = [token for token in tokens if not any(token in one for one in captions)]
    if unnamed:
        raise InputError(f"no caption names {unnamed[0]}: leave that token out, or name it in some")


def find_class(
    folder: str, caption: str, progress: Progress, cancellation: Cancellation
) -> tuple[CaptionedImage, ...]:
    """The images of a folder; those without a text file beside them have the caption that is given.

    Raises:
        InputError: the folder is missing, or has no image.
        CancelledError: somebody asked to stop.
    """
    found = _in_folders(CaptionedSource((folder,)))
    named = [_Candidate(one.path, one.caption or caption) for one in found]
    return read_captioned(named, progress, cancellation)


def read_captioned(
    candidates: Iterable[_Candidate], progress: Progress, cancellation: Cancellation
) -> tuple[CaptionedImage, ...]:
    """Read files; those that are broken, or have the content of another, are left out.

    Raises:
        InputError: one that is not has no caption, or none is left.
        CancelledError: somebody asked to stop.
    """
    waiting = sorted(candidates, key=lambda one: one.path)
    found: dict[str, CaptionedImage] = {}
    broken, silent = [], []
    read = map_ahead(_read, waiting, workers=None, ahead=_AHEAD)
    for done, one in enumerate(read, 1):
        cancellation.check()
        progress(AnalysisProgress("looking at images", done, len(waiting)))
        if isinstance(one, str):
            broken.append(one)
        elif not one.caption:
            silent.append(display(one.path))
        else:
            found.setdefault(one.sha256, one)
    if silent:
        raise InputError(
            f"{counted(len(silent), 'image')} without a caption ({first_few(silent)}): {_REMEDY}"
        )
    if not found:
        raise InputError(
            "no image that can be read was found; name others"
            + (f" (broken: {first_few(broken)})" if broken else "")
        )
    tell_left_out(broken, len(waiting) - len(broken) - len(found), progress)
    return tuple(found.values())


def _read(one: _Candidate) -> CaptionedImage | str:
    """An image, or what is wrong with its file."""
    from vitrail.generator.training.captioned import CaptionedImage

    try:
        file = read_file(one.path)
        opened = open_image(file.data)
    except ImageRejectedError as error:
        return f"{display(one.path)} ({error.reason})"
    caption = one.caption
    if caption is None:
        caption = str((read_recipe(opened.info) or {}).get("prompt") or "")
    return CaptionedImage(one.path, file.sha256, " ".join(caption.split()))


def _in_folders(source: CaptionedSource) -> list[_Candidate]:
    paths = {path for folder in source.folders for path in files_in(folder)[1]}
    beside: Callable[[str], str | None] = _sidecar if source.prompt is None else _given(source)
    return [_Candidate(path, beside(path)) for path in paths]


def _given(source: CaptionedSource) -> Callable[[str], str | None]:
    return lambda _: source.prompt


def _sidecar(path: str) -> str | None:
    """What the text file beside an image says; ``None`` where there is none."""
    beside = os.path.splitext(path)[0] + ".txt"
    if not os.path.isfile(beside):
        return None
    try:
        with open(beside, encoding="utf-8-sig") as file:
            return file.read(_LONGEST)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{display(beside)!r} cannot be read as a caption ({error!s:.80}): write it as UTF-8 "
            "text"
        ) from error


def _in_collection(source: CaptionedSource) -> list[_Candidate]:
    column, told = source.captions or _PROMPT, source.captions is not None
    _, found = column_values(
        str(source.collection), column, "--captions", source.where, all_images=not told
    )
    given = source.prompt
    return [_Candidate(path, _text(value) if given is None else given) for path, value in found]


def _text(value: object) -> str | None:
    """A column's value as a caption: several words of an image, one after the other."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)
