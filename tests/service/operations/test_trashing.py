"""Copies are moved to the trash and listed, and what is to be kept stays."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.fakes import ColourEncoder
from tests.search.duplicates.drawing import draw
from tests.search.fakes import described
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError
from vitrail.search.duplicates.evidence import (
    ALTERED,
    IDENTICAL,
    RE_ENCODED,
    TIERS,
    CopyEvidence,
)
from vitrail.search.duplicates.keepers import MORE, NOTHING, QUALITY, form_groups
from vitrail.search.duplicates.ranks import rank
from vitrail.service.operations import trashing
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.duplicate_groups import (
    DuplicateGroup,
    Proof,
    loss,
    told_groups,
)
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


SIX = [*combinations(range(6), 2)]
TIER_OF = {NOTHING: IDENTICAL, QUALITY: RE_ENCODED, MORE: ALTERED}


@settings(max_examples=examples(300), derandomize=True)
@given(
    st.lists(st.integers(0, 2), min_size=6, max_size=6),
    st.dictionaries(st.sampled_from(SIX), st.sampled_from((QUALITY, MORE)), min_size=3),
    st.permutations(range(6)),
    st.sampled_from((None, None, 0)),
    st.sets(st.integers(0, 5)),
    st.sampled_from((TIERS, (IDENTICAL, ALTERED), (ALTERED,), (RE_ENCODED, ALTERED))),
)
@example([0, 1, 1, 2, 2, 2], {(0, 1): MORE}, [*range(6)], None, set(), TIERS)
@example([0, 1, 2, 2, 2, 2], {(0, 1): MORE}, [*range(6)], None, {1}, TIERS)
def test_the_last_file_of_some_pixels_goes_only_where_what_stays_shows_them_all(
    pixels: list[int],
    found: dict[tuple[int, int], int],
    order: list[int],
    kept: int | None,
    twice: set[int],
    tiers: tuple[str, ...],
) -> None:
    found = found | {(i, j): NOTHING for i, j in SIX if pixels[i] == pixels[j]}
    proofs = {
        pair: Proof(CopyEvidence(TIER_OF[lost]), False) for pair, lost in sorted(found.items())
    }
    infos = [
        described(
            i, *([f"/{i}a", f"/{i}b"] if i in twice else [f"/{i}a"]), content_hash=f"{i:064x}"
        )
        for i in range(6)
    ]
    hashes = set() if kept is None else {infos[kept].content_hash}
    places = {one: place for place, one in enumerate(sorted(order, key=lambda i: i != kept))}

    def prove(one: int, other: int) -> Proof | None:
        return proofs.get((min(one, other), max(one, other)))

    groups = form_groups(places, proofs, prove, kept={kept} if kept is not None else (), loss=loss)
    shared = {i: infos[i] for i in twice}
    told = told_groups(groups, shared, infos.__getitem__, lambda i: rank(infos[i]), hashes)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trashing, "_holds", lambda *_: True)
        patched.setattr(trashing, "_one_file", lambda *_: False)
        plan = plan_trash((listed := [*told]), tiers)
    gone = {file.path: file.keeper for file in plan.files}
    assert not gone.keys() & {*gone.values()}, "what is to stay goes"
    for some in {*pixels}:
        files = [path for i in range(6) if pixels[i] == some for path in infos[i].paths]
        if len(files) == 1 or not gone.keys() >= {*files}:
            continue
        shown = {
            group.decided or copy.evidence.tier == RE_ENCODED
            for group in listed
            for copy in group.copies
            if pixels[copy.image.id] == some and pixels[group.keeper.id] != some
        }
        assert True in shown, (some, gone)


def test_an_altered_image_stays_in_place_of_files_with_its_pixels(
    own: tuple[Path, tuple[DuplicateGroup, ...]],
) -> None:
    folder, (group,) = own
    crop = next(one for one in group.copies if one.paths[0].endswith("crop.png"))
    shutil.copyfile(folder / "crop.png", folder / "crop again.png")
    several = replace(crop.image, paths=(*crop.paths, str(folder / "crop again.png")))
    beside = replace(group, copies=(replace(crop, image=several),))
    same = replace(crop, image=several, paths=several.paths[1:], evidence=CopyEvidence(IDENTICAL))
    groups = (beside, DuplicateGroup(several, "the first path", (same,)))
    plan = plan_trash(groups, TIERS)
    assert {file.path: file.keeper for file in plan.files} == {several.paths[1]: several.paths[0]}
    ((path, why),) = plan.left
    assert path == several.paths[0]
    assert "in place of files with the same pixels" in why
    assert [file.path for file in plan_trash(groups, {ALTERED}).files] == [several.paths[0]]
    unlisted = replace(beside, copies=(replace(crop, paths=several.paths),))
    assert [file.path for file in plan_trash((unlisted,), TIERS).files] == [several.paths[1]]
    decided = replace(beside, decided=True)
    assert len(plan_trash((decided, groups[1]), TIERS).files) == 2, "the user keeps another one"


@pytest.mark.parametrize("what", ["changed", "away", "symbolic link", "hard link"])
def test_the_rest_of_an_altered_image_goes_on_the_word_of_its_own_file(
    own: tuple[Path, tuple[DuplicateGroup, ...]], what: str
) -> None:
    folder, (group,) = own
    crop = next(one for one in group.copies if one.paths[0].endswith("crop.png"))
    first, again, third = (folder / name for name in ("crop.png", "again.png", "third.png"))
    for path in (again, third):
        shutil.copyfile(first, path)
    several = replace(crop.image, paths=(str(first), str(again)))
    beside = replace(group, copies=(replace(crop, image=several, paths=several.paths),))
    twin = replace(several, id=999, paths=(str(third),))
    same = replace(crop, image=twin, paths=twin.paths, evidence=CopyEvidence(IDENTICAL))
    groups = (beside, DuplicateGroup(several, "the first path", (same,)))
    told = {file.path: file.keeper for file in plan_trash(groups, TIERS).files}
    assert told == dict.fromkeys((str(again), str(third)), str(first)), "not on the keeper's"
    os.unlink(first)
    if what == "changed":
        draw(7).save(first)
    elif what != "away":
        (os.symlink if what == "symbolic link" else os.link)(again, first)
    plan = plan_trash((beside,), {ALTERED})
    assert not plan.files, "the last file with these pixels"
    assert {path for path, _ in plan.left} == {*several.paths}
    os.unlink(again)
    if what == "hard link":
        os.unlink(first)
    plan = plan_trash(groups, TIERS)
    assert not plan.files, "third.png is what is left of them"
    assert {path for path, _ in plan.left} == {*several.paths, str(third)}


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
