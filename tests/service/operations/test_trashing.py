"""Copies are moved to the trash and listed, and what is to be kept stays."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import ColourEncoder
from tests.search.duplicates.drawing import draw
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError
from vitrail.search.duplicates.evidence import CopyEvidence
from vitrail.service.operations import trashing
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.duplicate_groups import DuplicateGroup
from vitrail.service.operations.trashing import Trash, TrashPlan, move_to_trash, plan_trash


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that stands for the system's trash."""
    import send2trash

    folder = tmp_path / "trash"
    folder.mkdir()

    def move(path: str) -> None:
        shutil.move(path, folder / Path(path).name)

    monkeypatch.setattr(send2trash, "send2trash", move)
    return folder


@pytest.fixture
def own(tmp_path: Path, with_copies: Path) -> tuple[Path, tuple[DuplicateGroup, ...]]:
    """Files that may be moved, and their groups."""
    folder = Path(shutil.copytree(with_copies / "pictures", tmp_path / "own"))
    CollectionStore.create(tmp_path / "c", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "c", encoder=ColourEncoder()) as pictures:
        pictures.index(folder)
        return folder, pictures.duplicates().groups


def test_without_groups_nothing_goes() -> None:
    assert plan_trash((), {"identical"}) == TrashPlan((), ())


def test_copies_are_moved_and_listed_and_the_keeper_stays(
    own: tuple[Path, tuple[DuplicateGroup, ...]], away: Path, tmp_path: Path
) -> None:
    folder, groups = own
    plan = plan_trash(groups, {"identical", "re-encoded"})
    names = {"pixels.png", "small.png", "small again.png"}
    assert {Path(file.path).name for file in plan.files} == names
    assert not plan.left
    before = {path.name for path in folder.iterdir()}
    moved = list(move_to_trash(plan, tmp_path / "list.jsonl"))
    assert {path.name for path in away.iterdir()} == names
    assert {path.name for path in folder.iterdir()} == before - names
    lines = [json.loads(line) for line in (tmp_path / "list.jsonl").read_text().splitlines()]
    assert [line["path"] for line in lines] == [file.path for file in moved]
    assert {Path(line["kept"]).name for line in lines} == {"original.bmp"}


def test_nothing_goes_whose_keeper_is_away_or_that_has_changed(
    own: tuple[Path, tuple[DuplicateGroup, ...]], tmp_path: Path
) -> None:
    folder, groups = own
    draw(7).save(folder / "pixels.png")
    plan = plan_trash(groups, {"identical"})
    assert not plan.files
    ((path, why),) = plan.left
    assert Path(path).name == "pixels.png"
    assert "changed" in why
    os.rename(folder / "original.bmp", tmp_path / "original.bmp")
    plan = plan_trash(groups, {"identical", "re-encoded", "altered"})
    assert not plan.files
    assert {why for _, why in plan.left} == {
        f"the image to keep, {folder / 'original.bmp'}, is not there"
    }


def test_a_second_file_of_the_keeper_goes_and_the_first_stays(
    own: tuple[Path, tuple[DuplicateGroup, ...]], away: Path, tmp_path: Path
) -> None:
    folder, _ = own
    with Collection.open(tmp_path / "c", encoder=ColourEncoder()) as pictures:
        groups = pictures.duplicates(where="name like 'small%'").groups
    (group,) = groups
    assert group.copies[0].evidence.says == ("the same file",)
    list(move_to_trash(plan_trash(groups, {"identical"}), tmp_path / "list.jsonl"))
    assert len([path for path in folder.iterdir() if "small" in path.name]) == 1
    assert len([*away.iterdir()]) == 1


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_link_to_the_keeper_is_no_second_file(
    own: tuple[Path, tuple[DuplicateGroup, ...]], tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    folder, _ = own
    os.unlink(folder / "small.png")
    link(folder / "small again.png", folder / "a link.png")
    with Collection.open(tmp_path / "c", encoder=ColourEncoder()) as pictures:
        pictures.index(folder)
        groups = pictures.duplicates(where="name in ('a link.png', 'small again.png')").groups
    plan = plan_trash(groups, {"identical"})
    assert groups
    assert not plan.files
    assert "one file, by way of a link" in plan.left[0][1]


@pytest.mark.parametrize("what", ["vanished", "changed", "link", "hard link", "copy changed"])
def test_what_changes_after_the_plan_keeps_a_copy_in_its_place(
    own: tuple[Path, tuple[DuplicateGroup, ...]], away: Path, tmp_path: Path, what: str
) -> None:
    folder, groups = own
    keeper, copy = folder / "original.bmp", folder / "pixels.png"
    plan = plan_trash(groups, {"identical"})
    assert [file.path for file in plan.files if file.path == str(copy)]
    if what == "copy changed":
        copy.write_bytes(b"other work")
    else:
        os.unlink(keeper)
    if what == "changed":
        keeper.write_bytes(b"other work")
    elif what == "link":
        os.symlink(copy, keeper)
    elif what == "hard link":
        os.link(copy, keeper)
    told: list[tuple[str, str]] = []
    moved = [*move_to_trash(plan, tmp_path / "list", on_left=lambda *one: told.append(one))]
    assert str(copy) not in {file.path for file in moved}
    assert copy.exists()
    assert "meanwhile" in dict(told)[str(copy)]
    assert str(copy) not in (tmp_path / "list").read_text()


def test_a_keeper_that_goes_from_another_group_keeps_nothing(
    own: tuple[Path, tuple[DuplicateGroup, ...]],
) -> None:
    _, (group,) = own
    (copy,) = (one for one in group.copies if one.paths[0].endswith("pixels.png"))
    (crop,) = (one for one in group.copies if one.paths[0].endswith("crop.png"))
    original = replace(copy, image=group.keeper, paths=group.keeper.paths)
    groups = (
        replace(group, copies=(copy,)),
        DuplicateGroup(crop.image, "the first path", (original, copy)),
    )
    plan = plan_trash(groups, {copy.evidence.tier})
    assert [file.path for file in plan.files] == [copy.paths[0], group.keeper.path]
    assert {file.keeper for file in plan.files} == {crop.image.path}, "which has its pixels, too"
    smaller = replace(copy, evidence=CopyEvidence("re-encoded"))
    plan = plan_trash((replace(group, copies=(smaller,)), *groups[1:]), {"identical", "re-encoded"})
    assert [file.path for file in plan.files] == [group.keeper.path]
    assert dict(plan.left) == {
        copy.paths[0]: f"the image to keep, {group.keeper.path}, goes itself"
    }


def test_it_stops_where_the_keeper_leaves_with_its_copy(
    own: tuple[Path, tuple[DuplicateGroup, ...]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    import send2trash

    folder, groups = own

    def both(path: str) -> None:  # as where a share is mounted twice
        os.rename(path, tmp_path / "trashed")
        os.unlink(folder / "original.bmp")

    monkeypatch.setattr(send2trash, "send2trash", both)
    with pytest.raises(InputError, match=r"original\.bmp, which was to stay, is away") as told:
        list(move_to_trash(plan_trash(groups, {"identical", "re-encoded"}), tmp_path / "list"))
    assert "Restore" in str(told.value)
    assert len((tmp_path / "list").read_text().splitlines()) == 1


def test_a_refusal_that_says_something_exists_is_not_of_the_list(
    own: tuple[Path, tuple[DuplicateGroup, ...]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    import send2trash

    def refuse(path: str) -> None:
        raise FileExistsError(17, "File exists", "/trash/files")

    _, groups = own
    monkeypatch.setattr(send2trash, "send2trash", refuse)
    plan = plan_trash(groups, {"identical"})
    with pytest.raises(InputError, match="/trash/files"):
        list(move_to_trash(plan, tmp_path / "list.jsonl"))
    with pytest.raises(InputError, match=r"nowhere.*nothing was moved"):
        list(move_to_trash(plan, tmp_path / "nowhere" / "list.jsonl"))


def test_the_list_has_the_bytes_of_names_that_no_text_says(tmp_path: Path, away: Path) -> None:
    names = [os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9" + end) for end in (b"1", b"2")]
    try:
        for name in names:
            Path(name).write_bytes(b"the same")
    except OSError:
        pytest.skip("this file system takes no such names")
    digest = hashlib.sha256(b"the same").hexdigest()
    plan = TrashPlan((Trash(names[1], 8, digest, names[0], digest),), ())
    list(move_to_trash(plan, tmp_path / "list"))
    line = json.loads((tmp_path / "list").read_text())
    found = [base64.b64decode(line[name]) for name in ("kept_raw", "path_raw")]
    assert [os.fsdecode(one) for one in found] == names


def test_a_full_disk_under_the_list_moves_nothing(
    own: tuple[Path, tuple[DuplicateGroup, ...]], away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no device that is always full here")
    _, groups = own
    plan = plan_trash(groups, {"identical"})
    with open(full, "w", encoding="ascii") as told:
        monkeypatch.setattr(trashing, "_new_list", lambda path: told)
        with pytest.raises(InputError, match="No space left"):
            list(move_to_trash(plan, Path("list.jsonl")))
    assert not [*away.iterdir()]


def test_a_refusal_of_the_system_stops_and_says_what_was_moved(
    own: tuple[Path, tuple[DuplicateGroup, ...]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    import send2trash

    def refuse(path: str) -> None:
        raise OSError(13, "no trash here", path)

    folder, groups = own
    monkeypatch.setattr(send2trash, "send2trash", refuse)
    plan = plan_trash(groups, {"identical"})
    with pytest.raises(InputError, match="no trash here"):
        list(move_to_trash(plan, tmp_path / "list.jsonl"))
    assert (folder / "pixels.png").exists()
    with pytest.raises(InputError, match="exists already"):
        list(move_to_trash(plan, tmp_path / "list.jsonl"))
