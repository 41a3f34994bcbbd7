"""What operations say of options is told in the words of who asks by HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vitrail.indexer.errors import InputError
from vitrail.service.http.app import ROUTERS
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.problems import problem_members
from vitrail.service.http.schemas.base import Closed
from vitrail.service.http.wording import MEMBERS, in_members


def below(kind: type[Closed]) -> Iterator[type[Closed]]:
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


def test_every_member_is_one_of_some_body() -> None:
    assert ROUTERS  # which import all bodies
    named = {name for kind in below(Closed) for name in kind.model_fields}
    assert named >= MEMBERS


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("name their column with --labels, such as", "name their column with `labels`, such as"),
        ("--by knn or --by probe", "`by` knn or `by` probe"),
        ("give --min-probability", "give `min_probability`"),
        ("run `vitrail list --where x`", "run `vitrail list --where x`"),
        ("a larger --max-pixels", "a larger --max-pixels"),  # of the machine that serves
        ("leave out a--by and -by", "leave out a--by and -by"),
    ],
)
def test_options_are_members(said: str, told: str) -> None:
    assert in_members(said) == told
    served = ServiceOptions({"a": Path("/a")}, Path("/state"))
    assert problem_members(InputError(said, remedy=said), served)["remedy"] == told
