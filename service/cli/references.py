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

_NAME = re.compile(r"[/\\]|\.\w{1,5}$")  # what only a file's name has


def read_query_image(store: CollectionStore, text: str) -> ImageReference:
    """A file, ``-`` for the bytes on standard input, or an image of the collection.

    Raises:
        InputError: none of these; the message may advise ``--prompt``.
    """
    if text == "-":
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
            f"{text!r} is no file, and no image of this collection by id or path; {_advice(text)}"
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
    from vitrail.indexer.collection.layout import is_collection
    from vitrail.indexer.collection.store import CollectionStore

    path = os.path.expanduser(text)
    if os.path.exists(path):
        return ImageFile(path, text)
    if not is_collection(str(directory)):
        raise InputError(f"{role} {text!r} is no file; check the spelling")
    with CollectionStore.open(directory) as store:
        try:
            return ImageId(store.resolve(text), text)
        except UnknownImageError as error:
            raise InputError(f"{role} {text!r} is no file here, and {error}") from error
        except InputError as error:
            raise InputError(f"{role} {error}") from error


def read_stored_image(store: CollectionStore, text: str) -> ImageId:
    """An image of the collection, by id, path, last parts of a path, or content hash.

    Raises:
        UnknownImageError: none of these.
        InputError: several images.
    """
    return ImageId(store.resolve(text), text)


def _advice(text: str) -> str:
    """What to do about a text that names no image: it may be meant as a prompt."""
    if _NAME.search(text) or not re.search(r"[^\W\d_]", text):
        return "check the spelling, or pipe the picture in and use -"
    quoted = shlex.quote(text) if set(text) & set('"$`\\!') else f'"{text}"'
    return f"to search by what words say: --prompt {quoted}"
