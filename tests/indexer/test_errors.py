"""Programs tell errors apart by codes, never by words."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitrail.indexer import errors
from vitrail.indexer.errors import DamagedError, FilterError, InputError, VitrailError
from vitrail.service.cli.exits import EXITS, exit_code

ROOT = Path(__file__).parents[2]


def kinds(kind: type[VitrailError] = VitrailError) -> Iterator[type[VitrailError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from kinds(below)


PUBLIC = [kind for kind in kinds() if kind.__module__ == errors.__name__]


def test_every_kind_of_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in PUBLIC]
    assert len(set(codes)) == len(codes)
    assert all("code" in vars(kind) for kind in PUBLIC)
    assert set(EXITS) <= {*codes}


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda kind: kind.code)
def test_the_manual_lists_it(kind: type[VitrailError]) -> None:
    page = (ROOT / "docs/python.md").read_text("utf-8")
    assert f"| `{kind.__name__}` | `{kind.code}` | {exit_code(kind)} |" in page


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), 2),
        (FilterError("x"), 2),
        (errors.UnknownImageError("x"), 2),
        (errors.CollectionLockedError("x"), 3),
        (errors.DamagedIndexError("a", "b"), 1),
        (errors.CancelledError("x"), 130),
    ],
)
def test_exit_codes_follow_from_codes(error: VitrailError, code: int) -> None:
    assert exit_code(error) == code


def test_problem_and_remedy_are_told_apart_and_shown_as_one() -> None:
    error = DamagedError("a.parquet is damaged", remedy="run `vitrail verify --repair`")
    assert str(error) == "a.parquet is damaged; run `vitrail verify --repair`"
    assert error.problem == "a.parquet is damaged"
    assert error.remedy == "run `vitrail verify --repair`"
    assert InputError("give a number").problem == "give a number"
    assert str(InputError("it has a\nb, c\u2028d")) == "it has a b, c d"
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.remedy) == (str(error), error.remedy)
