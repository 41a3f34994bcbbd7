"""Functions of a caller's that long work calls: checked first, and let fail as they do."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from vitrail.indexer.errors import InputError

_Event = TypeVar("_Event", contravariant=True)


class _StoppedError(Exception):
    """Stands for a ``StopIteration``, which a generator would make an error of its own."""


def check_callback(given: object, name: str) -> None:
    """Refuse what cannot be called.

    Raises:
        InputError: it cannot be.
    """
    if not callable(given):
        raise InputError(
            f"{name} is {given!r:.80}, which cannot be called; give a function of one argument, or "
            "leave it out"
        )


class CallbackGuard(Generic[_Event]):
    """A caller's function, called by what is done within; a context manager.

    What it raises comes out of the context as it was raised, ``StopIteration`` too.

    Args:
        told: the function.
        name: of the argument that it was given as.

    Raises:
        InputError: it cannot be called.
    """

    def __init__(self, told: Callable[[_Event], None], name: str = "on_progress") -> None:
        check_callback(told, name)
        self._told = told
        self._raised: StopIteration | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._raised is not None and isinstance(error, _StoppedError):
            raise self._raised from self._raised.__cause__

    def __call__(self, event: _Event, /) -> None:
        """Call it."""
        try:
            self._told(event)
        except StopIteration as raised:
            self._raised = raised
            raise _StoppedError from raised
