"""An option of a search is declared once; whatever else names it agrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from inspect import Parameter, signature
from typing import Any, get_type_hints

import pytest

from vitrail import Collection, SearchOptions
from vitrail.indexer.errors import InputError
from vitrail.search.listing import ListKeywords, ListOptions
from vitrail.search.options import EachKeywords, SearchKeywords, takes_options

DECLARED = get_type_hints(SearchOptions)
DEFAULTS = {field.name: field.default for field in fields(SearchOptions)}
FUSING = (Collection.search, Collection.find)
ONE_ROW = (Collection.search_many, Collection.similar, Collection.find_many)


def test_keywords_are_the_fields_of_the_same_types() -> None:
    assert get_type_hints(SearchKeywords) == DECLARED
    each = dict(DECLARED)
    del each["fusion"]  # of several rows, which such a question has not
    assert get_type_hints(EachKeywords) == each


@pytest.mark.parametrize("method", [*FUSING, *ONE_ROW], ids=lambda method: method.__name__)
def test_methods_show_their_options_with_defaults(method: Callable[..., Any]) -> None:
    names = [name for name in DEFAULTS if method in FUSING or name != "fusion"]
    shown = signature(method).parameters
    assert [name for name in shown if name in DEFAULTS] == names
    assert {name: shown[name].default for name in names} == {n: DEFAULTS[n] for n in names}
    assert all(shown[name].kind is Parameter.KEYWORD_ONLY for name in names)
    assert "keywords" not in shown


def test_what_is_listed_is_declared_once_too() -> None:
    assert get_type_hints(ListKeywords) == get_type_hints(ListOptions)
    shown = signature(Collection.select).parameters
    declared = {field.name: field.default for field in fields(ListOptions)}
    assert {name: shown[name].default for name in declared} == declared


def test_an_option_that_a_question_does_not_heed_is_refused_however_it_is_said() -> None:
    @takes_options(EachKeywords)
    def ask(*, options: SearchOptions | None = None, **keywords: Any) -> int:
        return (options or SearchOptions()).k

    assert ask(options=SearchOptions(k=3, exact=True)) == 3
    assert ask(options=None) == 10
    with pytest.raises(InputError, match="fusion is 'rrf', which ask does not heed: leave it out"):
        ask(options=SearchOptions(fusion="rrf"))


def test_another_keyword_is_a_type_error_that_names_it() -> None:
    @takes_options(EachKeywords)
    def ask(row: int, **keywords: Any) -> dict[str, Any]:
        return keywords

    assert ask(1, k=3) == {"k": 3}
    for wrong in ("fusion", "sort"):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{wrong}'"):
            ask(1, **{wrong: "mean"})
