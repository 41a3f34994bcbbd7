"""How to search, whatever is asked about: the one place where an option of a search is declared.

An option is a field of ``SearchOptions`` and, for the type checkers of those who call by keyword,
a key of ``SearchKeywords`` beside it; a test holds both, and the command line's, to each other.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import wraps
from inspect import Parameter, signature
from typing import Any, Literal, TypedDict, TypeVar, get_args, get_type_hints

from vitrail.indexer.errors import InputError
from vitrail.indexer.spaces import base_of

Fusion = Literal["mean", "rrf", "best-score"]
Only = Literal["all", "generated", "real"]
DEFAULT_FUSION: Fusion = "mean"
_FUSIONS, _ONLY = get_args(Fusion), get_args(Only)
_Method = TypeVar("_Method", bound=Callable[..., Any])


def _check_number(k: Any) -> None:
    try:
        enough = operator.index(k) >= 1
    except TypeError as error:
        raise InputError(f"k is {k!r}, but a whole number of hits must be asked for") from error
    if not enough:
        raise InputError(f"k is {k}, but at least 1 hit must be asked for")


def check_word(name: str, given: object, known: Sequence[str]) -> None:
    """Refuse what is none of a few words.

    Raises:
        InputError: naming the option, what was given, and the words.
    """
    if given not in known:
        raise InputError(f"{name} {given!r} is unknown; use {' or '.join(known)}")


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search.

    Attributes:
        k: how many hits are wanted at most.
        spaces: weight of each embedding space to use, stored or derived; ``None`` is what the
            collection has as its default: all stored ones, equally, unless another was chosen.
        min_score: hits below this score are left out; scores are cosines in [-1, 1].
        max_fpr: hits that more than this share of pairs of unrelated images are as near as are
            left out, such as 0.001: a cutoff that means the same whatever the encoder. Beside
            ``min_score``, both hold.
        where: SQL expression over the collection's columns, such as ``width > 512``.
        only: ``all``, ``generated`` or ``real`` images.
        fusion: how several query rows become one ranking: ``mean``, ``rrf`` (see
            ``vitrail.search.ranking``) or ``best-score`` (``vitrail.search.recommending``);
            ``None``, where nobody said, is ``mean``.
        exact: scan everything instead of asking the approximate index.
        group_by: a column whose values hits are grouped by, one hit a group, or ``copies``.
        diverse: how much hits shall differ from one another, from 0 to 1; see
            ``vitrail.search.diversity``.
        sort: columns that the hits are put in the order of, each with ``-`` before it for the
            largest first; as a text, with commas between. ``score`` is the hits' own.
        after: the cursor ``SearchResult.next`` of the page before.

    Raises:
        InputError: a value that cannot be searched by, or options that exclude one another.
    """

    k: int = 10
    spaces: Mapping[str, float] | None = None
    min_score: float | None = None
    max_fpr: float | None = None
    where: str | None = None
    only: Only = "all"
    fusion: Fusion | None = None
    exact: bool = False
    group_by: str | None = None
    diverse: float | None = None
    sort: str | Sequence[str] | None = None
    after: str | None = None

    def __post_init__(self) -> None:
        _check_number(self.k)
        if self.min_score is not None and not -1 <= self.min_score <= 1:
            raise InputError(f"min score is {self.min_score}, but cosines lie between -1 and 1")
        if self.max_fpr is not None and not 0 < self.max_fpr <= 1:
            raise InputError(
                f"max fpr is {self.max_fpr}, but a rate lies above 0 and is 1 at most, such as "
                "0.001"
            )
        check_word("only", self.only, _ONLY)
        check_word("fusion", self.fusion or DEFAULT_FUSION, _FUSIONS)
        if self.diverse is not None and not 0 <= self.diverse <= 1:
            raise InputError(
                f"diverse is {self.diverse}; give a number from 0, the nearest, to 1, the most "
                "different"
            )
        if self.sort is not None and not self.sort_keys:
            raise InputError(
                f"sort is {self.sort!r}, which names no column; give one, or leave it out"
            )
        self._check_together()

    def _check_together(self) -> None:
        """Refuse what would have to be ignored."""
        given = {
            "fusion rrf": self.fusion == "rrf",
            "group by": self.group_by is not None,
            "diverse": self.diverse is not None,
            "sort": self.sort is not None,
            "after": self.after is not None,
        }
        for one, other, why in _APART:
            if given[one] and given[other]:
                raise InputError(f"{one} and {other} do not go together: {why}; leave one out")

    @property
    def plain(self) -> bool:
        """Whether hits are just the nearest, in their order."""
        return self.group_by is None and self.diverse is None and self.sort is None

    @property
    def sort_keys(self) -> tuple[str, ...]:
        """The columns of ``sort``, one by one."""
        given = self.sort or ()
        return tuple(
            part.strip()
            for text in ([given] if isinstance(given, str) else given)
            for part in text.split(",")
            if part.strip()
        )


_BY_PLACES = "rrf ranks by places, not by scores"
_BY_SCORE = "pages follow the scores"
_APART = (
    ("fusion rrf", "group by", _BY_PLACES),
    ("fusion rrf", "diverse", _BY_PLACES),
    ("fusion rrf", "after", _BY_PLACES),
    ("group by", "diverse", "hits of different groups need not differ otherwise"),
    ("group by", "after", "a group that is on one page would begin again on the next"),
    ("diverse", "after", _BY_SCORE),
    ("sort", "after", _BY_SCORE),
)

DEFAULTS = SearchOptions()
"""The ten nearest of all images, by all spaces."""


class EachKeywords(TypedDict, total=False):
    """Options of many questions: those of ``SearchOptions`` but for ``fusion`` and ``after``."""

    k: int
    spaces: Mapping[str, float] | None
    min_score: float | None
    max_fpr: float | None
    where: str | None
    only: Only
    exact: bool
    group_by: str | None
    diverse: float | None
    sort: str | Sequence[str] | None


class SearchKeywords(EachKeywords, total=False):
    """The options of ``SearchOptions``, by keyword."""

    fusion: Fusion | None
    after: str | None


def takes_options(
    keywords: type[Any], declared: type[Any] = SearchOptions
) -> Callable[[_Method], _Method]:
    """Show and check what a method's ``**keywords`` may be, by name and default.

    ``help``, ``inspect.signature`` and editors show the options; another keyword is a
    ``TypeError``, as it is of any function. An option that is none of them and is said by
    ``options`` is an ``InputError``, as it would not be heeded.

    Args:
        keywords: the ``TypedDict`` that they are typed as.
        declared: the dataclass whose fields they are.
    """
    hints = get_type_hints(keywords)
    shown = [
        Parameter(one.name, Parameter.KEYWORD_ONLY, default=one.default, annotation=one.type)
        for one in fields(declared)
        if one.name in hints
    ]

    def decorate(method: _Method) -> _Method:
        own = signature(method)
        named = [one for one in own.parameters.values() if one.kind is not Parameter.VAR_KEYWORD]
        full = own.replace(parameters=[*named, *shown])

        @wraps(method)
        def call(*args: Any, **given: Any) -> Any:
            full.bind(*args, **given)
            options = given.get("options")
            if options is not None:
                _refuse_unheeded(options, hints, method.__name__)
            return method(*args, **given)

        call.__signature__ = full  # type: ignore[attr-defined]
        return call  # type: ignore[return-value]

    return decorate


def _refuse_unheeded(options: Any, heeded: Collection[str], asked: str) -> None:
    said = asdict(options)
    for one in fields(options):
        if one.name not in heeded and said[one.name] != one.default:
            raise InputError(
                f"{one.name} is {said[one.name]!r}, which {asked} does not heed: leave it out, or "
                "ask by search or find"
            )


def shares(given: Mapping[str, float] | None, dims: Mapping[str, int]) -> dict[str, float]:
    """Weights of spaces as shares that sum to 1, so that a score is a cosine.

    Args:
        given: space name -> weight; nothing for all stored spaces, equally.
        dims: the collection's spaces and their widths.

    Raises:
        InputError: a space that the collection lacks, or a weight that is not above 0.
    """
    stored = [name for name in dims if base_of(name) is None]
    weights = dict(given) if given else dict.fromkeys(stored, 1.0)
    for name, weight in weights.items():
        if name not in dims:
            raise InputError(f"space {name!r} is not in this collection; it has {', '.join(dims)}")
        if not 0 < _number(weight) < float("inf"):
            raise InputError(f"the weight of space {name} is {weight!r}; give a number above 0")
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _number(given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        return float("nan")
