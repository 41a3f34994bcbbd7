"""A query put to one commit of a collection, by vectors of the encoder of that commit."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.collection.retrying import at_newest
from vitrail.indexer.errors import InputError, UnknownImageError
from vitrail.search.calibration.judging import uncalibrated
from vitrail.search.derived import with_derived
from vitrail.search.options import SearchOptions, shares
from vitrail.search.query import Origin, Query
from vitrail.search.searcher import Searcher

if TYPE_CHECKING:
    from vitrail.indexer.collection.answering import Answering
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.fingerprint import Fingerprint
    from vitrail.search.calibration.current import CurrentCalibrations
    from vitrail.search.images import ImageLike

_T = TypeVar("_T")
Floats = NDArray[np.float32]
Answer = Callable[[Searcher, Query], _T]
"""Which question is put: ``Searcher.search`` or ``Searcher.search_each``."""


class OtherEncoderError(Exception):
    """The commit that would answer is not of the encoder that the query was embedded by."""


@dataclass(frozen=True, slots=True)
class Examples:
    """What a query is like, or unlike, in the order given.

    Attributes:
        parts: each is space name -> (m, dim) float32 rows of length 1, or the id of an image, whose
            vectors are those of the commit that answers. Rows of a derived space that are not given
            are worked out from those of its base.
    """

    parts: tuple[Mapping[str, Floats] | int, ...] = ()

    @property
    def stored(self) -> tuple[int, ...]:
        """The ids among them."""
        return tuple(part for part in self.parts if isinstance(part, int))

    def rows(self, snapshot: Snapshot, spaces: Iterable[str]) -> dict[str, Floats]:
        """All rows by space: (m, dim) float32 each; nothing where there are no parts.

        Raises:
            UnknownImageError: no image of the commit has an id.
            InputError: a part has no rows for a space.
        """
        if not self.parts:
            return {}
        parts = [
            part if isinstance(part, int) else with_derived(part, spaces, snapshot)
            for part in self.parts
        ]
        return {space: _rows_of(parts, snapshot, space) for space in spaces}


def _rows_of(parts: Sequence[Mapping[str, Floats] | int], snapshot: Snapshot, space: str) -> Floats:
    ids = [part for part in parts if isinstance(part, int)]
    stored = iter(snapshot.vectors(ids, space)[:, None] if ids else ())
    rows = []
    for part in parts:
        if not isinstance(part, int) and space not in part:
            raise InputError(
                f"the query has no vectors for space {space}; name others, of those that it has: "
                f"{', '.join(part)}"
            )
        rows.append(next(stored) if isinstance(part, int) else part[space])
    return np.concatenate(rows)


NO_EXAMPLES = Examples()


@dataclass(frozen=True, slots=True)
class Question:
    """A query before the commit is known that answers it.

    Attributes:
        positives: what hits shall be like.
        negatives: what they shall not be like.
        exclude: ids never returned, beside those of the collection's images that are asked with.
        background: as of ``Query``.
        encoder: of the embedded images; ``None`` where nobody knows.
        single: whether each positive is a question by itself, with an answer of its own, which
            lacks just the image that was asked with.
        texts: whether some of it is text, which is compared with images in one space alone, and
            whose cosines are not those of pairs of images.
    """

    positives: Examples
    negatives: Examples = NO_EXAMPLES
    exclude: frozenset[int] = frozenset()
    background: Mapping[str, Floats] | None = None
    encoder: Fingerprint | None = None
    single: bool = False
    texts: bool = False

    @property
    def own(self) -> tuple[int | None, ...]:
        """Of each row the id of the image that it is of; empty where all are one question."""
        parts = self.positives.parts if self.single else ()
        return tuple(
            one for part in parts for one in ([part] if isinstance(part, int) else _nobody(part))
        )


def _nobody(rows: Mapping[str, Floats]) -> list[None]:
    return [None] * len(next(iter(rows.values()), ()))


def answer_question(
    store: CollectionStore,
    calibrations: CurrentCalibrations,
    question: Question,
    options: SearchOptions,
    answer: Answer[_T],
) -> _T:
    """Of one snapshot: filter, vectors and metadata of an answer are of the same commit.

    All may be embedded anew beneath a long-lived reader; vectors of the encoder of before are as
    wide, and would be answered with nonsense.

    Args:
        store: the collection.
        calibrations: of it.
        question: what is asked.
        options: how to search.
        answer: how.

    Raises:
        OtherEncoderError: all was embedded anew, by another encoder than the question's.
        UnknownImageError: no such id.
        InputError: it is no whole number, or an option or the negatives make no query.
    """
    asked, unlike = question.positives, question.negatives
    own = frozenset(map(checked_id, (*asked.stored, *unlike.stored)))

    def ask() -> _T:
        snapshot = _loaded(store, question, options)
        weights = _weights(question, options, snapshot)
        background = question.background
        query = Query.of(
            asked.rows(snapshot, weights),
            snapshot.spaces,
            replace(options, spaces=weights),
            exclude=question.exclude | (frozenset() if question.single else own),
            background=background and with_derived(background, weights, snapshot),
            negatives=unlike.rows(snapshot, weights),
            own=question.own,
        )
        judges = uncalibrated if question.texts else partial(calibrations.of, snapshot)
        return answer(Searcher(snapshot, judges, origin_of(snapshot, question.encoder)), query)

    return at_newest(store, ask)


def origin_of(commit: Answering, embedded_by: Fingerprint | None = None) -> Origin:
    """What is said of answers of a commit.

    Args:
        commit: that is asked.
        embedded_by: the encoder of what is asked with; ``None`` where nothing was embedded.
    """
    own = commit.fingerprint
    variant = None if embedded_by is None else embedded_by.variant
    return Origin(commit.state.seq, own.checkpoint, own.digest, variant)


def text_space(spaces: Iterable[str]) -> str | None:
    """The one among a collection's spaces that texts are compared in."""
    return next((name for name in spaces if name.startswith("proj@") and "/" not in name), None)


def _by_text(options: SearchOptions, spaces: Iterable[str]) -> SearchOptions:
    """The options of a question by text."""
    space = text_space(spaces)
    others = [name for name in options.spaces or () if name != space]
    if others or space is None:
        raise InputError(
            f"a text is compared in the space {space or 'proj'} alone; leave "
            f"{', '.join(others) or 'it'} out"
        )
    if options.max_fpr is not None:
        raise InputError(
            f"max fpr {options.max_fpr:g} is told of pairs of images, and a text is given; give a "
            "min score instead"
        )
    return replace(options, spaces={space: 1.0})


def answer_images(
    store: CollectionStore,
    calibrations: CurrentCalibrations,
    encoder: Callable[[], Encoder],
    images: Sequence[ImageLike | int],
    options: SearchOptions,
    answer: Answer[_T],
    *,
    unlike: Sequence[ImageLike | int] = (),
    exclude: frozenset[int] = frozenset(),
    single: bool = False,
) -> _T:
    """As ``answer_question``, by images, each embedded by the encoder of that commit or an id.

    Args:
        store: the collection.
        calibrations: of it.
        encoder: gives the one of the store's commit.
        images: what hits shall be like.
        options: how to search.
        answer: how to answer.
        unlike: what they shall not be like.
        exclude: ids never returned, beside those that are asked with.
        single: whether each image is a question by itself.
    """
    while True:
        loaded = encoder() if not all(map(_is_id, (*images, *unlike))) else None
        question = Question(
            positives=examples_of(loaded, images),
            negatives=examples_of(loaded, unlike),
            exclude=exclude,
            single=single,
            encoder=None if loaded is None else loaded.fingerprint,
        )
        with suppress(OtherEncoderError):
            return answer_question(store, calibrations, question, options, answer)


def examples_of(encoder: Encoder | None, images: Sequence[ImageLike | int]) -> Examples:
    """Images, embedded, and ids of the collection's, in their order.

    Raises:
        ImageRejectedError: an image cannot be opened.
        InputError: what is given is no image.
        UnknownImageError: no image can have an id.
    """
    ids = [checked_id(image) if _is_id(image) else None for image in images]
    given = [image for image in images if not isinstance(image, int | np.integer)]
    if not given or encoder is None:
        return Examples(tuple(one for one in ids if one is not None))
    from vitrail.search.images import embed_images

    vectors = embed_images(encoder, given)
    rows = ({s: own[i : i + 1] for s, own in vectors.items()} for i in range(len(given)))
    return Examples(tuple(next(rows) if one is None else one for one in ids))


def _is_id(image: ImageLike | int) -> bool:
    return isinstance(image, int | np.integer)


def _loaded(store: CollectionStore, question: Question, options: SearchOptions) -> Snapshot:
    """The commit that answers, with the indexes of the spaces that are asked."""
    while True:
        before = store.snapshot()
        _check_encoder(before, question.encoder)  # another's spaces may not even be there
        weights = _weights(question, options, before)
        try:
            snapshot = store.snapshot(*weights)
        except InputError:
            if store.snapshot() is before:
                raise
            continue  # a space of the default was dropped meanwhile
        _check_encoder(snapshot, question.encoder)  # it may have moved on
        return snapshot


def _weights(question: Question, options: SearchOptions, snapshot: Snapshot) -> dict[str, float]:
    """Shares of the spaces asked for, or of those that the commit has as its default."""
    if question.texts:
        options = _by_text(options, snapshot.spaces)
    return shares(options.spaces or snapshot.default_weights, snapshot.spaces)


def _check_encoder(snapshot: Snapshot, embedded_by: Fingerprint | None) -> None:
    if embedded_by is not None and not snapshot.fingerprint.agrees(embedded_by):
        raise OtherEncoderError


def checked_id(image_id: object) -> int:
    """An id as a whole number.

    Raises:
        InputError: it is none.
        UnknownImageError: no image can have it.
    """
    try:
        number = operator.index(image_id)  # type: ignore[arg-type]
    except TypeError as error:
        raise InputError(f"the id {image_id!r} is no whole number; give an image's id") from error
    if not 0 <= number < 2**63:
        raise UnknownImageError(f"there is no image with id {number} in this collection")
    return number
