"""The columns of a collection: what can be filtered, sorted and shown by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.indexer.errors import FilterError, InputError
from vitrail.indexer.image_info import COLUMNS

if TYPE_CHECKING:
    from vitrail.indexer.collection.answering import Answering


_WIDER = {"INTEGER": "BIGINT", "UBIGINT": "BIGINT"}  # of the built-in columns


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column.

    Attributes:
        name: as filters name it.
        kind: SQL type of its values.
        words: the same for people, such as ``number``.
        own: whether it is one of the user's own.
    """

    name: str
    kind: str
    words: str
    own: bool


def list_columns(commit: Answering) -> tuple[ColumnInfo, ...]:
    """All columns: the built-in ones, then the user's own."""
    from vitrail.indexer.catalog.columns import typed_columns
    from vitrail.indexer.catalog.kinds import in_words

    with commit.readings.filtering() as source:
        kinds = typed_columns(source.connection, flat=source.flat)
    built_in = {*COLUMNS}
    return tuple(
        ColumnInfo(name, kind, in_words(_WIDER.get(kind, kind)), name not in built_in)
        for name, kind in kinds.items()
    )


def checked_columns(commit: Answering, names: Iterable[str]) -> tuple[str, ...]:
    """Columns as the collection spells them.

    Raises:
        InputError: there is no such column, with the nearest that there is.
    """
    from vitrail.indexer.catalog.listing import named_columns

    wanted = tuple(names)
    if not wanted or {*COLUMNS}.issuperset(wanted):
        return wanted
    try:
        with commit.reading() as connection:
            return tuple(named_columns(connection, wanted, "what is asked for"))
    except FilterError as error:  # of columns, and no filter's
        raise InputError(error.problem, remedy=error.remedy) from None


def split_names(commit: Answering, given: Sequence[str] | None) -> list[str] | None:
    """Names of columns that come one by one, or with commas between.

    Args:
        commit: whose columns they are; one of the user's own may have a comma in its name.
        given: perhaps with - before a name; ``None`` where none is named.
    """
    if given is None:
        return None
    found: list[str] = []
    whole: set[str] | None = None  # names with a comma in them; read where one may be meant
    for text in map(str.strip, given):
        parts = [part for part in map(str.strip, text.split(",")) if part]
        if len(parts) > 1 and not {*COLUMNS}.issuperset(parts):
            if whole is None:
                whole = {one.name.lower() for one in list_columns(commit) if "," in one.name}
            if text.removeprefix("-").lower() in whole:
                parts = [text]
        found += parts
    return found
