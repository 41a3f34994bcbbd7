"""Which columns a reply tells of each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitrail.indexer.errors import VitrailError
from vitrail.service.documents.images import PLACES, USUAL
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.columns import checked_columns, list_columns

if TYPE_CHECKING:
    from vitrail.indexer.collection.answering import Answering


class WithheldError(VitrailError):
    """What the service does not give out."""

    code = "withheld"


def fields_of(
    commit: Answering, asked: Sequence[str] | None, served: ServiceOptions
) -> tuple[str, ...]:
    """The columns that are told, as the collection spells them.

    Args:
        commit: whose columns they are.
        asked: by the request; ``*`` for all that filters know and may be told, ``None`` for the
            usual ones.
        served: says whether places of files are told.

    Raises:
        InputError: there is no such column.
        WithheldError: it tells where files lie.
    """
    if asked is None:
        return USUAL
    named = checked_columns(commit, [name for name in dict.fromkeys(asked) if name != "*"])
    check_places(named, served)
    if "*" not in asked:
        return named
    every = (one.name for one in list_columns(commit))
    told = (name for name in every if served.paths or name not in PLACES)
    return tuple(dict.fromkeys((*told, *named)))


def check_order(sort: Sequence[str], served: ServiceOptions) -> None:
    """Refuse to sort by where files lie, where that is not told: the order would tell.

    Args:
        sort: columns, ``-`` before one for the largest first.
        served: how the service is set up.

    Raises:
        WithheldError: one tells where files lie.
    """
    check_places([key.removeprefix("-").lower() for key in sort], served)


def check_places(names: Sequence[str], served: ServiceOptions) -> None:
    """Refuse columns that tell where files lie, where that is not told.

    Raises:
        WithheldError: one does.
    """
    places = [name for name in names if name in PLACES]
    if places and not served.paths:
        raise WithheldError(
            f"{places[0]} tells where files lie, which this service does not",
            remedy="ask for name, or let the service be started with paths",
        )
