"""What was typed for an image, as what it names; a text is guessed at here, and nowhere else."""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import TYPE_CHECKING

from vitrail.indexer.errors import InputError, UnknownImageError
from vitrail.service.operations.references import (
    ImageBytes,
    ImageFile,
    ImageId,
    ImageReference,
)

if TYPE_CHECKING:
    from pathlib import Path

    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.service.operations.tasks import MaskShape

_NAME = re.compile(r"[/\\]|\.\w{1,5}$")  # what only a file's name has


def read_query_image(store: CollectionStore, text: str, *, piped: bool = True) -> ImageReference:
    """A file, ``-`` for the bytes on standard input, or an image of the collection.

    Args:
        store: the collection.
        text: what was typed.
        piped: whether ``-`` is standard input; in a list it is a name.

    Raises:
        InputError: none of these; the message may advise ``--prompt`` or ``--text``.
    """
    if text == "-" and piped:
        data = sys.stdin.buffer.read()
        if not data:
            raise InputError("standard input was empty; pipe an image into it")
        return ImageBytes(data, "standard input")
    path = os.path.expanduser(text)
    if os.path.exists(path):
        return ImageFile(path, text)
    try:
        return ImageId(store.resolve(text), text)
    except UnknownImageError as error:
        raise InputError(
            f"{text!r} is no file, and no image of this collection by id or path; "
            f"{_advice(text, store)}"
        ) from error


def read_input_image(directory: Path, text: str, role: str) -> ImageReference:
    """A file to start from, or an image of the collection, if there is one.

    Args:
        directory: of the collection.
        text: what was typed.
        role: the argument that it was typed for, for messages.

    Raises:
        InputError: neither.
    """
    from vitrail.service.operations.reading import is_there, open_reader

    path = os.path.expanduser(text)
    if os.path.exists(path):
        return ImageFile(path, f"{role} {path!r}")
    if not is_there(directory):
        raise InputError(f"{role} {text!r} is no file; check the spelling")
    with open_reader(directory) as store:
        try:
            return ImageId(store.resolve(text), f"{role} {text!r}")
        except UnknownImageError as error:
            raise InputError(f"{role} {text!r} is no file here, and {error}") from error
        except InputError as error:
            raise InputError(f"{role} {error}") from error


def read_mask(text: str, role: str) -> MaskShape | ImageReference:
    """``x0,y0,x1,y1``, or ``x,y x,y x,y ...``, or the file of an image.

    Args:
        text: what was typed.
        role: the option that it was typed for, for messages.

    Raises:
        InputError: none of these.
    """
    from vitrail.generator.tasks.masks import BOX, POLYGON
    from vitrail.service.operations.tasks import MaskShape

    if BOX.fullmatch(text):
        return MaskShape("box", text, role)
    if POLYGON.fullmatch(text):
        return MaskShape("polygon", text, role)
    path = os.path.expanduser(text)
    if not os.path.lexists(path):
        raise InputError(
            f"{role} {text!r} is no file here, no box x0,y0,x1,y1 and no polygon x,y x,y x,y: "
            "check the spelling"
        )
    return ImageFile(path, f"{role} {path!r}")


def read_stored_image(store: CollectionStore, text: str) -> ImageId:
    """An image of the collection, by id, path, last parts of a path, or content hash.

    Raises:
        UnknownImageError: none of these.
        InputError: several images.
    """
    return ImageId(store.resolve(text), text)


def _advice(text: str, store: CollectionStore) -> str:
    """What to do about a text that names no image: it may be meant as one to search by."""
    if _NAME.search(text) or not re.search(r"[^\W\d_]", text):
        return "check the spelling, or pipe the image in and use -"
    quoted = shlex.quote(text) if set(text) & set('"$`\\!') else f'"{text}"'
    from vitrail.service.operations.queries import text_space

    option = "--prompt" if text_space(store.spaces) is None else "--text"
    return f"to search by what words say: {option} {quoted}"
