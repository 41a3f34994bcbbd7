from __future__ import annotations

import pytest

from vitrail.indexer.wording import counted, first_line, in_one_line, too_few


def test_one_is_one_and_many_are_many() -> None:
    assert [counted(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert counted(1204, "copy", "copies") == "1,204 copies"


@pytest.mark.parametrize(
    ("text", "first", "all_of_it"),
    [
        ("", "ValueError", "ValueError"),
        ("\n  it is  broken:\nfor two reasons.", "it is broken", "it is broken: for two reasons"),
        ("x" * 500, "x" * 160, "x" * 200),
    ],
)
def test_what_a_library_says_becomes_a_line(text: str, first: str, all_of_it: str) -> None:
    assert first_line(ValueError(text)) == first
    assert in_one_line(ValueError(text)) == all_of_it


def test_one_is_too_few_and_several_are() -> None:
    assert too_few(1, "image") == "1 image is too few"
    assert too_few(0, "image") == "0 images are too few"
    assert too_few(1200, "copy", "copies") == "1,200 copies are too few"
