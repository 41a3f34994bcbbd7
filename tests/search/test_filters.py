from __future__ import annotations

import pytest

from vitrail.indexer.errors import InputError
from vitrail.search.filters import combine_filters


def test_nothing_asked_is_no_filter() -> None:
    assert combine_filters(None, "all") is None


@pytest.mark.parametrize("where", ["", "  ", "\n"])
def test_an_empty_filter_is_no_forgotten_one(where: str) -> None:
    with pytest.raises(InputError, match="the filter is empty"):
        combine_filters(where, "all")


def test_the_users_words_stay_as_they_are_when_alone() -> None:
    # messages about them quote what was written
    assert combine_filters("width > 512 -- wide", "all") == "width > 512 -- wide"


def test_an_or_cannot_reach_past_its_own_part() -> None:
    assert combine_filters("a or b -- c", "real") == "(a or b -- c\n) AND NOT generated"
    assert combine_filters(None, "generated") == "generated"
