"""Readings that begin again at the newest commit where a writer replaced files meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from vitrail.indexer.catalog.state import State
from vitrail.indexer.errors import CollectionError

_ATTEMPTS = 5
_T = TypeVar("_T")


class Commits(Protocol):
    """What moves from commit to commit: a collection that is open for reading."""

    @property
    def state(self) -> State:
        """The commit that readings answer for."""

    def refresh(self) -> bool:
        """Move on to the newest commit; true when it is another than before."""


def at_newest(commits: Commits, read: Callable[[], _T]) -> _T:
    """What ``read`` gives, read again at the newest commit for as long as there is a newer one.

    A file that is missing, or not what the list says, is only trouble if the newest list says so.

    Raises:
        CollectionError: what ``read`` raised, and no commit since then can explain it.
    """
    for _ in range(_ATTEMPTS):
        before = _commit(commits.state)
        try:
            return read()
        except CollectionError:
            commits.refresh()
            if _commit(commits.state) == before:
                raise
    return read()


def _commit(state: State) -> tuple[int, str]:
    return state.seq, state.incarnation
