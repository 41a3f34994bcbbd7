"""Folders that may be indexed, by name: nothing beside them, by whatever path."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.errors import InputError
from vitrail.service.http.jobs.roots import UnknownRootError, place_of, resolve_root


@pytest.fixture
def roots(tmp_path: Path) -> dict[str, Path]:
    for folder in ("photos/2024/summer", "secret", "photos-2"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "photos" / "a.png").write_bytes(b"")
    return {"photos": tmp_path / "photos"}


def test_a_root_and_what_is_below_it(roots: dict[str, Path]) -> None:
    top = roots["photos"]
    assert resolve_root(roots, "photos") == top
    assert resolve_root(roots, "photos", "2024/summer") == top / "2024" / "summer"
    assert resolve_root(roots, "photos", "./2024//summer/") == top / "2024" / "summer"
    assert resolve_root(roots, "photos", "a.png") == top / "a.png"


def test_unknown_ones_are_told_with_those_there_are(roots: dict[str, Path]) -> None:
    with pytest.raises(
        UnknownRootError, match="no folder 'films' may be indexed here; there are: photos"
    ):
        resolve_root(roots, "films")
    with pytest.raises(UnknownRootError, match="nothing at '2023' of photos"):
        resolve_root(roots, "photos", "2023")


@pytest.mark.parametrize(
    "path", ["..", "../secret", "2024/../../secret", "/etc", "a\0b", "..\\secret", "2024/.."]
)
def test_no_path_leads_out(roots: dict[str, Path], path: str) -> None:
    with pytest.raises(InputError, match="leads out of photos"):
        resolve_root(roots, "photos", path)


def test_no_link_leads_out(roots: dict[str, Path], tmp_path: Path) -> None:
    top = roots["photos"]
    (top / "out").symlink_to(tmp_path / "secret")
    (top / "beside").symlink_to(tmp_path / "photos-2")
    (top / "within").symlink_to(top / "2024")
    for path in ("out", "beside"):
        with pytest.raises(InputError, match="by a link"):
            resolve_root(roots, "photos", path)
    assert resolve_root(roots, "photos", "within/summer") == top / "within" / "summer"


def test_a_root_may_be_a_link_itself(roots: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(roots["photos"])
    assert resolve_root({"l": tmp_path / "link"}, "l", "2024") == tmp_path / "link" / "2024"


@given(path=st.text(alphabet="ab./\\\0~$ ", max_size=12))
def test_whatever_is_found_lies_within(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    top = tmp_path_factory.getbasetemp() / "within"
    (top / "a" / "b").mkdir(parents=True, exist_ok=True)
    try:
        found = resolve_root({"r": top}, "r", path)
    except InputError:
        return
    assert found.resolve().is_relative_to(top.resolve())


def test_files_are_told_by_their_root(roots: dict[str, Path], tmp_path: Path) -> None:
    assert place_of(roots, str(roots["photos"] / "2024" / "a.png")) == ("photos", "2024/a.png")
    assert place_of(roots, str(tmp_path / "photos-2" / "a.png")) is None
