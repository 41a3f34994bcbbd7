"""Plain types of a search: what is asked, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import floor, log10
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.indexer.image_info import ImageInfo
from vitrail.search.options import DEFAULTS, SearchOptions, shares
from vitrail.search.recommending import check_apart, query_row

if TYPE_CHECKING:
    import pandas
    import pyarrow

Verdict = Literal["good", "doubtful", "noise"]
Closeness = Literal["copy", "look-alike", "related", "chance"]


@dataclass(frozen=True, slots=True)
class Query:
    """One question.

    Attributes:
        vectors: space name -> (m, dim) float32 rows, L2-normalised: one row per query image, so
            that one image gives m = 1 and a prompt with four seeds gives m = 4.
        weights: space name -> weight, above 0 and summing to 1, for just the spaces to use.
        options: how to search.
        exclude: ids never returned, such as the query's own.
        background: space name -> (b, dim) float32 unit rows of what unrelated questions made in
            the same way, to compare the hits with; ``None`` without.
        negatives: space name -> (n, dim) float32 unit rows of what hits shall not be like; empty
            for none.
        own: where each row is a question by itself, the id that is left out of its answer, or
            ``None``; empty for none.

    Raises:
        InputError: spaces or rows that do not fit together, or negatives that cancel the query.
    """

    vectors: dict[str, NDArray[np.float32]]
    weights: dict[str, float]
    options: SearchOptions = DEFAULTS
    exclude: frozenset[int] = frozenset()
    background: Mapping[str, NDArray[np.float32]] | None = None
    negatives: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    own: tuple[int | None, ...] = ()

    def __post_init__(self) -> None:
        if not self.weights:
            raise InputError("the query names no embedding space; name at least one")
        missing = self.weights.keys() - self.vectors.keys()
        if missing:
            raise InputError(f"the query has no vectors for space {', '.join(sorted(missing))}")
        rows = {self.vectors[name].shape[0] for name in self.weights}
        if len(rows) != 1 or 0 in rows:
            raise InputError(f"each space needs the same number of query rows, not {sorted(rows)}")
        unlike = self.weights.keys() - self.background.keys() if self.background else ()
        if unlike:
            raise InputError(f"the background has no vectors for space {', '.join(sorted(unlike))}")
        if self.negatives:
            self._check_negatives()

    def _check_negatives(self) -> None:
        missing = sorted(set(self.weights) - set(self.negatives))
        if missing:
            raise InputError(f"the negatives have no vectors for space {', '.join(missing)}")
        if self.options.fusion == "rrf":
            raise InputError(
                "fusion rrf counts ranks, which negative images have no place in; use mean or "
                "best-score"
            )
        check_apart(self.vectors, self.negatives, self.weights)

    @classmethod
    def of(
        cls,
        vectors: Mapping[str, NDArray[np.float32]],
        dims: Mapping[str, int],
        options: SearchOptions,
        *,
        exclude: frozenset[int] = frozenset(),
        background: Mapping[str, NDArray[np.float32]] | None = None,
        negatives: Mapping[str, NDArray[np.float32]] | None = None,
        own: tuple[int | None, ...] = (),
    ) -> Query:
        """The query for some vectors of a collection whose spaces have these widths.

        Raises:
            InputError: a space that the collection lacks, a weight that is not above 0, or
                negatives that cancel the query.
        """
        weights = shares(options.spaces, dims)
        return cls(dict(vectors), weights, options, exclude, background, negatives or {}, own)

    @property
    def rows(self) -> int:
        """How many query images there are."""
        return len(self.vectors[next(iter(self.weights))])

    def row(self, i: int) -> dict[str, NDArray[np.float32]]:
        """Query image ``i`` alone: space name -> (1, dim) float32."""
        return {space: self.vectors[space][i : i + 1] for space in self.weights}

    def alone(self, i: int) -> Query:
        """The question of just row ``i``."""
        own = self.own[i] if self.own else None
        exclude = self.exclude if own is None else self.exclude | {own}
        return replace(self, vectors=self.row(i), background=None, exclude=exclude, own=())

    @property
    def mean(self) -> dict[str, NDArray[np.float32]]:
        """One row that stands for all: space name -> (1, dim) float32.

        Raises:
            InputError: the negatives cancel it.
        """
        return {
            space: query_row(self.vectors[space], self.negatives.get(space))
            for space in self.weights
        }


@dataclass(frozen=True, slots=True)
class Group:
    """What a hit stands for, where hits are grouped.

    Attributes:
        by: the column whose value its images share, or ``copies``.
        value: that value; ``None`` of images without one, and of copies.
        more: how many more images it holds, of those that the filter lets through.
        best: id of the image that is nearest to the query. Of copies another one may be shown.
    """

    by: str
    value: Any
    more: int
    best: int


@dataclass(frozen=True, slots=True)
class Hit:
    """One image found.

    Attributes:
        id: image id in the collection.
        score: weighted sum over spaces of the mean cosine to the query rows, in [-1, 1]; by
            best-score that to the nearest row, less 2 where a negative one is nearer still.
        scores: the cosine in each space that it is made of.
        metadata: what the collection knows of it.
        seed_ranks: for several query rows, the rank (from 1) this image has for each row alone,
            or ``None`` where it was below what that row's ranking kept; empty for one row.
        group: what it stands for; ``None`` where hits are not grouped.
        fpr: false-positive rate: the share of pairs of unrelated images of the collection that
            score at least as high; ``None`` where that is not known (see ``SearchResult.scale``),
            or only by a bound that says little (``Scale.most_rate``).
        closeness: the same in a word: ``copy``, ``look-alike``, ``related``, or ``chance`` where
            unrelated images score as high; ``None`` likewise, or where only a bound of the rate is
            known.
    """

    id: int
    score: float
    scores: dict[str, float]
    metadata: ImageInfo
    seed_ranks: tuple[int | None, ...] = ()
    group: Group | None = None
    fpr: float | None = None
    closeness: Closeness | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Every known path of the image, the first one first."""
        return self.metadata.paths

    def __repr__(self) -> str:
        path = self.paths[0] if self.paths else None
        word = "" if self.closeness is None else f"closeness={self.closeness!r}, "
        return f"Hit(id={self.id}, score={self.score:.4f}, {word}path={path!r})"


@dataclass(frozen=True, slots=True)
class Scale:
    """What the scores of an answer mean, for the spaces and weights that it was asked by.

    Attributes:
        related: the least score of a ``related`` image, a cosine; below is ``chance``.
        look_alike: the least of a ``look-alike``.
        copy: the least of a ``copy``.
        least_rate: the smallest false-positive rate that can be told; a hit of this rate may be
            rarer.
        pairs: of unrelated images, that rates are counted by.
        images: of the collection when they were.
        at_most: whether rates are upper bounds, as of several query images: the mean of the cosines
            to them is high by chance far more seldom than a single one, and the highest as often as
            all of them together at most. Then nothing is called ``chance``.
    """

    related: float
    look_alike: float
    copy: float
    least_rate: float
    pairs: int
    images: int
    at_most: bool = False
    most_rate: float = 1.0

    def closeness(self, score: float) -> Closeness | None:
        """The word for a score, never a closer one for a lower score."""
        if score >= self.copy:
            return "copy"
        if score >= self.look_alike:
            return "look-alike"
        if score >= self.related:
            return "related"
        return None if self.at_most else "chance"

    def tell(self, rate: float) -> str:
        """A rate for people, such as ``0.012%``, or ``< 0.001%`` where it may be smaller."""
        percent = f"{100 * rate:.{max(0, 1 - floor(log10(100 * rate)))}f}"  # two digits
        if rate <= self.least_rate:
            return f"< {percent}%"
        return f"≤ {percent}%" if self.at_most else f"{percent}%"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How far an answer to several images, or to generated ones, can be trusted.

    Distances and scores are weighted over spaces like the hits' own.

    Attributes:
        overlap: mean overlap (0 to 1) of the query rows' own top k; ``None`` for a single row.
        spread: mean distance between the query rows, as a share of the mean distance between
            random images of the collection: near 0 where a generator draws the same whatever the
            seed. ``None`` for a single row, or where those images do not differ.
        agreement: ``overlap`` times ``spread``, the latter at most 1: rows that are copies of one
            another agree without telling anything. ``None`` where either is.
        nearness: mean over the rows of the score of the nearest image.
        inside: share (0 to 1) of the collection's images whose own nearest other image is no nearer
            than that, on a sample: how far the query lies inside of the collection. ``None`` for
            less than two images, or without a background.
        nearer_than: how many of the background's rows have a nearest image that is less near.
        background: how many rows it has; 0 without one.
        verdict: ``good`` where so many are less near that chance does so once in twenty times at
            most (a rank test), ``doubtful`` for once in four times, and otherwise ``noise``;
            ``None`` without a background.
    """

    overlap: float | None = None
    spread: float | None = None
    agreement: float | None = None
    nearness: float | None = None
    inside: float | None = None
    nearer_than: int = 0
    background: int = 0
    verdict: Verdict | None = None


NO_EVIDENCE = Evidence()
"""Of a search by one image, whose hits speak for themselves."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What an answer was read of.

    Attributes:
        commit: number of the collection's commit.
        checkpoint: of the encoder that made its vectors.
        fingerprint: sha256 (hex) of that encoder; see ``vitrail.indexer.fingerprint``.
        variant: which certified sibling of it embedded the question, for people; ``None`` where
            it did so itself, or nothing was embedded.
    """

    commit: int
    checkpoint: str
    fingerprint: str
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreSpread:
    """How all images score, whichever are hits.

    Attributes:
        scores: (n,) float32, of the images that were looked at, in no order.
        images: how many the filter lets through; more than n where a sample was looked at.
        scale: as of ``SearchResult``.
        origin: as of ``SearchResult``.
    """

    scores: NDArray[np.float32]
    images: int
    scale: Scale | None
    origin: Origin | None


class _Unasked:
    """What gives the cursor of an answer while nobody has asked for it: no field itself."""

    __slots__ = ("_cursor",)


@dataclass(frozen=True, slots=True)
class SearchResult(_Unasked):
    """The answer.

    Attributes:
        hits: best first.
        exact: true when no better hit can exist; false when an approximate index answered.
        estimated_recall: recall measured for such a question as the index was built; 1 if exact.
        candidates: how many vectors were compared or scored.
        allowed: how many images the filter let through, or ``None`` without one.
        evidence: how far the answer to several or to generated images can be trusted.
        seconds: stage -> time taken.
        hints: where a filter let nothing through, what it may have meant.
        reason: where there are no hits, why, in a sentence; empty where there are some.
        weights: space name -> weight, summing to 1; a hit's score is the sum of its ``scores`` so
            weighted.
        next: the cursor of the page that follows, for ``after``; ``None`` where nothing follows,
            and where an answer has no pages.
        scale: what the scores mean; ``None`` where too few images tell, or unrelated prompts do
            (see ``evidence``).
        origin: the commit that answered, and its encoder; ``None`` where nobody told.
    """

    hits: list[Hit]
    exact: bool
    estimated_recall: float
    candidates: int
    allowed: int | None = None
    evidence: Evidence = NO_EVIDENCE
    seconds: dict[str, float] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    reason: str = ""
    weights: dict[str, float] = field(default_factory=dict)
    next: str | None = None
    scale: Scale | None = None
    origin: Origin | None = None

    def followed_by(self, cursor: Callable[[], str]) -> SearchResult:
        """This very answer, just made, whose ``next`` is worked out when somebody asks for it."""
        _CURSOR.__set__(self, cursor)
        _NEXT.__delete__(self)
        return self

    if not TYPE_CHECKING:  # which know the fields

        def __getattr__(self, name: str) -> Any:
            """The cursor that is not there yet: Python asks here only for that."""
            if name != "next":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            _NEXT.__set__(self, self._cursor())  # other threads come to the same
            return object.__getattribute__(self, name)

    @property
    def agreement(self) -> float | None:
        """How far several query images agree, 0 to 1; see ``Evidence``. ``None`` for one."""
        return self.evidence.agreement

    def __repr__(self) -> str:
        from vitrail.search.notebook import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from vitrail.search.notebook import as_html

        return as_html(self)

    def to_arrow(self) -> pyarrow.Table:
        """The hits as a table, best first: id, score, ``score_SPACE``, paths and every column.

        A recipe is its JSON text; bytes of a path that are no UTF-8 are shown escaped.
        """
        from vitrail.search.frames import hits_to_arrow

        return hits_to_arrow(self.hits)

    def to_pandas(self) -> pandas.DataFrame:
        """The same as a pandas data frame.

        Raises:
            InputError: pandas is not installed.
        """
        from vitrail.search.frames import hits_to_pandas

        return hits_to_pandas(self.hits)


# Descriptors set the fields of a frozen class.
_CURSOR, _NEXT = _Unasked.__dict__["_cursor"], SearchResult.__dict__["next"]
