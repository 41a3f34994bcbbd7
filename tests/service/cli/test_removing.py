"""What a dry run shows of a removal, and what is no collection to take anything out of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.service.conftest import Vitrail


@pytest.fixture
def red(vitrail: Vitrail, folder: Path) -> Path:
    """An image of two files."""
    shutil.copy(folder / "warm" / "red.png", folder / "again.png")
    vitrail.index(folder)
    return folder / "warm" / "red.png"


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_dry_run_names_the_files_of_an_image(
    vitrail: Vitrail, folder: Path, red: Path, by: str
) -> None:
    word = red.name
    if by == "id":
        word = vitrail("search", red, "--k", 1, "--json").json["hits"][0]["id"]
    shown = vitrail("remove", word, "--dry-run")
    assert shown.out.splitlines() == [
        "would remove 1 image",
        *(f"  {path}" for path in sorted([str(red), str(folder / "again.png")])),
    ]
    both = vitrail("remove", word, folder / "warm", "--dry-run").out.splitlines()
    assert both[0] == "would remove 2 images"
    assert sorted(both[1:]) == sorted(
        f"  {path}" for path in [folder / "again.png", *(folder / "warm").iterdir()]
    )
    assert vitrail("remove", word).out == "removed 1 image\n"


@pytest.mark.parametrize(
    "command",
    [
        ("search", "1"),
        ("index", "."),
        ("info",),
        ("remove", "1"),
        ("verify",),
        ("verify", "--repair"),
        ("reembed", "--space", "mean@2"),
    ],
    ids=" ".join,
)
def test_a_file_is_no_collection(
    vitrail: Vitrail, folder: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    file = tmp_path / "album.txt"
    file.write_text("mine")
    vitrail.fails(
        *command,
        *("-c", file),
        code=2,
        says=[f"{file} is a file", "a collection is a directory"],
    )
    assert file.read_text() == "mine"
