"""What a caller's function raises comes out as it was raised, through whatever called it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vitrail.indexer.callbacks import CallbackGuard, check_callback
from vitrail.indexer.errors import InputError


def _counting(told: CallbackGuard[int]) -> Iterator[int]:
    for number in range(3):
        told(number)
        yield number


@pytest.mark.parametrize("error", [StopIteration(7), StopIteration(), ValueError(), SystemExit()])
def test_a_generator_swallows_nothing(error: BaseException) -> None:
    def fail(number: int) -> None:
        if number == 1:
            raise error

    with pytest.raises(BaseException) as raised, CallbackGuard(fail) as told:  # noqa: PT011
        list(_counting(told))
    assert raised.value is error
    assert "fail" in [each.name for each in raised.traceback]


@pytest.mark.parametrize("kind", [StopIteration, ValueError])
def test_the_cause_that_the_caller_gave_stays(kind: type[Exception]) -> None:
    cause = KeyError("what was behind it")

    def fail(_: int) -> None:
        raise kind from cause

    with pytest.raises(kind) as raised, CallbackGuard(fail) as told:
        list(_counting(told))
    assert raised.value.__cause__ is cause


def test_it_is_called_as_often_as_it_is_told() -> None:
    seen: list[int] = []
    with CallbackGuard(seen.append) as told:
        list(_counting(told))
    assert seen == [0, 1, 2]


def test_an_error_of_the_work_itself_is_left_alone() -> None:
    with pytest.raises(RuntimeError, match="work"), CallbackGuard(lambda _: None):
        raise RuntimeError("work")


@pytest.mark.parametrize("given", [5, None, "print", ()])
def test_what_cannot_be_called_is_named(given: object) -> None:
    with pytest.raises(InputError) as raised:
        CallbackGuard(given, "watch")  # type: ignore[arg-type]
    assert f"watch is {given!r}, which cannot be called" in str(raised.value)
    check_callback(print, "watch")
