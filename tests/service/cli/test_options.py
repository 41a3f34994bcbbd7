"""The command line's options of a search are those of ``SearchOptions``."""

from __future__ import annotations

from dataclasses import fields

import pytest

from vitrail.indexer.errors import InputError
from vitrail.search.options import SearchOptions
from vitrail.service.cli.search_options import Searching

NAMES = {"space": "spaces"}  # by the name that reads best after two dashes
DIFFERENT = {
    "k": 3,
    "space": "a:1",
    "min_score": 0.5,
    "max_fpr": "0.1%",
    "where": "true",
    "only": "real",
    "fusion": "rrf",
    "exact": True,
    "group_by": "label",
    "diverse": 0.5,
    "sort": "-taken_at,score",
    "after": "cursor",
}


def test_an_option_for_each_field_in_the_same_order() -> None:
    named = [NAMES.get(field.name, field.name) for field in fields(Searching)]
    assert named == [field.name for field in fields(SearchOptions)]
    assert {field.default for field in fields(Searching)} == {
        field.default for field in fields(SearchOptions)
    }
    assert Searching().options(["a"]) == SearchOptions()


@pytest.mark.parametrize("name", [field.name for field in fields(Searching)])
def test_what_is_typed_reaches_the_search(name: str) -> None:
    value = DIFFERENT[name]
    asked = Searching(**{name: value}).options(["a", "b"])  # type: ignore[arg-type]
    expected = {"space": {"a": 1.0}, "max_fpr": 0.001}.get(name, value)
    field = NAMES.get(name, name)
    assert asked == SearchOptions(**{field: expected})  # type: ignore[arg-type]


def test_what_cannot_be_asked_is_refused_before_a_collection_is_opened() -> None:
    with pytest.raises(InputError, match="--only 'reel' is unknown"):
        Searching(only="reel").check_words()
    with pytest.raises(InputError, match="--fusion 'max' is unknown"):
        Searching(fusion="max").check_words()
    with pytest.raises(InputError, match="--k is 0"):
        Searching(k=0).check_number()
    for wrong in ("5", "0", "-1%", "rare", "nan", "101%", ""):
        with pytest.raises(InputError, match=f"--max-fpr is '{wrong}', but a rate lies above 0"):
            Searching(max_fpr=wrong).check_words()
    assert Searching(max_fpr=" 100% ").options(["a"]).max_fpr == 1
