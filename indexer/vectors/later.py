"""What is worked out at its first use, or once it has been asked for often enough; for threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, cast, overload

T = TypeVar("T")
_AGAIN = 8  # times the askings after which something could not be made, until it is tried again


class once(Generic[T]):  # noqa: N801 - a decorator, as functools.cached_property is
    """An attribute that a method works out at its first use, each object's for itself.

    ``functools.cached_property`` of Python 3.11 has one lock for all objects of a class: threads
    that load two indexes, or mark the rows of two filters, would wait for one another.
    """

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out = work_out
        self.__doc__ = work_out.__doc__

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any]) -> T: ...
    def __get__(self, instance: object | None, owner: type[Any]) -> Self | T:
        if instance is None:
            return self
        held = instance.__dict__
        # setdefault is one step for all threads; a lock for each attribute, as one may need another
        with held.setdefault(f"_working_out{self._name}", threading.RLock()):
            if self._name not in held:
                held[self._name] = self._work_out(instance)
        return cast("T", held[self._name])


class Later(Generic[T]):
    """Something that is made once it was asked for often enough to pay; threads share it.

    What it costs is a processor's time, whoever spends it: so uses are counted, and not how long
    questions took, which what is made beside them makes longer where processors are few.
    """

    def __init__(self) -> None:
        self._asked = 0
        self._barred = 0
        self._made: T | None = None

    def due(self, uses: int) -> bool:
        """Count an asking; whether it is to be made now, from the ``uses``-th one on."""
        if self._made is not None:
            return False
        self._asked += 1  # one that threads lose makes it a question later
        return self._asked >= max(uses, self._barred)

    def put(self, made: T) -> None:
        """Here it is."""
        self._made = made

    def failed(self) -> None:
        """It could not be made: do without until it was asked for many times as often."""
        self._barred = _AGAIN * self._asked

    @property
    def made(self) -> T | None:
        """What was made, if it was."""
        return self._made

    def forget(self) -> None:
        """Begin anew: whoever uses what was made goes on with it."""
        self._asked, self._barred, self._made = 0, 0, None
