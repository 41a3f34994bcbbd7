"""Errors tell what is wrong, not where files lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.service.http.security.hiding import hide

PLACES = {"colours": Path("/home/ada/pictures.vitrail"), "~": Path("/home/ada")}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("/home/ada/pictures.vitrail is damaged; repair it", "colours is damaged; repair it"),
        ("/home/ada/pictures.vitrail/segments/7.parquet", "colours/segments/7.parquet"),
        ("cannot read '/mnt/nas/2024/a.jpg': gone", "cannot read 'a.jpg': gone"),
        ("/home/adam/x.png", "x.png"),
        ("ask /v1/jobs/7 again, 3/4 of it, and/or image/png", None),
        ("see https://example.org/a/b", None),
        ("C:\\Users\\ada\\a.jpg is gone", "a.jpg is gone"),
        ("1 / 2", None),
        ("the filter 'width /height > 1 /* wide' cannot be read", None),
    ],
)
def test_places_are_left_out(told: str, shown: str | None) -> None:
    assert hide(told, PLACES) == (told if shown is None else shown)


PART = st.text(st.characters(categories=("L", "Nd"), include_characters="._-"), min_size=1)


@given(st.lists(PART, min_size=2, max_size=5), PART)
def test_no_folder_of_a_path_is_shown(folders: list[str], name: str) -> None:
    secret = "s3cret"
    path = "/".join(["", secret, *folders, name])
    assert secret not in hide(f"cannot read {path}: gone", {})
    assert secret not in hide(f"'{path}'", {"x": Path("/other")})
