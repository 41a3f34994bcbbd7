"""A text as a query: where it is compared with images, and what to do where it cannot be."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vitrail.indexer.errors import InputError
from vitrail.service.operations.progress import Event, Note, Progress, QueryProgress, nobody
from vitrail.service.operations.queries import Examples, Question, text_space
from vitrail.service.operations.query_kinds import TextQuery
from vitrail.service.operations.searching import EmbeddedQuery

if TYPE_CHECKING:
    from vitrail.service.operations.searchable import Searchable

_LOG = logging.getLogger(__name__)


class ReadsNoTextError(InputError):
    """A text was asked with where the collection's encoder reads none."""

    code = "reads-no-text"


def embed_text(
    collection: Searchable, query: TextQuery, *, progress: Progress = nobody
) -> EmbeddedQuery:
    """A text in the space of the collection that texts are compared in.

    Raises:
        InputError: the text is empty, or the collection has no such space.
        ReadsNoTextError: its checkpoint reads no texts at all.
        CheckpointError: the checkpoint cannot be had, or lacks its tokenizer.
        FingerprintMismatchError: it has changed since the collection was made.
    """
    text = _words(query.text)
    space = text_space(collection.store.spaces)
    if space is None:
        raise _no_space(collection, text)
    progress(QueryProgress("reading"))
    fingerprint = collection.fingerprint
    encoder = collection.text_encoder
    made = encoder.embed([text])
    if made.cut[0]:
        progress(
            Note(
                f"the text is longer than the {encoder.longest} tokens that "
                f"{fingerprint.checkpoint} reads, so that its end counts for nothing"
            )
        )
    question = Question(Examples(({space: made.vectors},)), encoder=fingerprint, texts=True)
    return EmbeddedQuery(f"“{text}”", question)


def _words(text: object) -> str:
    """A text on one line, which tokenizers can read."""
    if not isinstance(text, str):
        raise InputError(f"the text to search by is {repr(text)[:60]}; give a string")
    words = " ".join(text.split())
    if not words:
        raise InputError("the text to search by is empty; give some words")
    try:
        words.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text {words[:60]!r} holds bytes that are no UTF-8; give it in UTF-8"
        ) from error
    return words


def warn(event: Event) -> None:
    """Tell notes by the logger, where no door does."""
    if isinstance(event, Note):
        _LOG.warning("%s", event.text)


def _no_space(collection: Searchable, text: str) -> InputError:
    """What to do instead, which the checkpoint decides."""
    from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint

    own = collection.fingerprint
    found = find_encoder_checkpoint(own.checkpoint)
    if found.projected is None:
        return ReadsNoTextError(
            f"{own.checkpoint} reads no text, so that {text[:60]!r} cannot be compared with images",
            remedy="ask by a prompt in its place, of which images are drawn first, or embed the "
            "images anew with a CLIP or SigLIP checkpoint: `vitrail reembed`",
        )
    named = " ".join(f"--space {name}" for name, _ in own.spaces)
    return InputError(
        "this collection has no space that texts are compared in; make it by `vitrail reembed "
        f"{named} --space proj@{found.depth}`"
    )
