"""Copies in a collection are found by their pixels, and decisions about them are honoured."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.fakes import ColourEncoder
from tests.search.duplicates.drawing import draw
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CancelledError, FilterError, InputError, UnknownImageError
from vitrail.service.operations import trashing
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.deciding import list_decisions
from vitrail.service.operations.duplicate_search import DuplicateGroup
from vitrail.service.operations.duplicates import Duplicates
from vitrail.service.operations.trashing import Trash, TrashPlan, move_to_trash, plan_trash

COPIES = ("pixels.png", "small.png", "mirror.png", "crop.png")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with four copies, one of them in two files, among others."""
    folder = tmp_path_factory.mktemp("duplicates") / "pictures"
    folder.mkdir()
    image = draw(1)
    image.save(folder / "original.bmp")
    image.save(folder / "pixels.png")
    image.resize((120, 90)).save(folder / "small.png")
    ImageOps.mirror(image).save(folder / "mirror.png")
    image.crop((40, 0, 240, 150)).save(folder / "crop.png")
    shutil.copyfile(folder / "small.png", folder / "small again.png")
    for seed in range(10, 16):
        draw(seed).save(folder / f"other-{seed}.png")
    CollectionStore.create(folder.parent / "collection", ColourEncoder().fingerprint).close()
    with Collection.open(folder.parent / "collection", encoder=ColourEncoder()) as opened:
        opened.index(folder)
    return folder.parent


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "collection", tmp_path / "collection"))


@pytest.fixture
def pictures(place: Path) -> Iterator[Collection]:
    with Collection.open(place, encoder=ColourEncoder()) as opened:
        yield opened


def told(found: Duplicates) -> dict[str, dict[str, str]]:
    """Keeper's file -> files of copies and their tiers."""
    return {
        Path(group.keeper.paths[0]).name: {
            Path(path).name: copy.evidence.tier for copy in group.copies for path in copy.paths
        }
        for group in found.groups
    }


def named(pictures: Collection, *names: str) -> list[int]:
    return [pictures.store.resolve(name) for name in names]


def test_copies_are_found_by_tiers_of_evidence(pictures: Collection) -> None:
    found = pictures.duplicates()
    assert told(found) == {
        "original.bmp": {
            "pixels.png": "identical",
            "small.png": "re-encoded",
            "small again.png": "re-encoded",
            "mirror.png": "altered",
            "crop.png": "altered",
        }
    }
    (group,) = found.groups
    assert group.reason.startswith("largest file: ")
    tiers = [copy.evidence.tier for copy in group.copies]
    assert tiers == ["identical", "re-encoded", "altered", "altered"]
    assert found.images == 11
    assert found.recall == 1
    assert not found.unread
    assert not found.look_alikes


def test_what_is_decided_is_honoured_and_may_be_undone(pictures: Collection) -> None:
    original, mirror, crop, other = named(
        pictures, "original.bmp", "mirror.png", "crop.png", "other-10.png"
    )
    pictures.decide("not-duplicates", original, mirror)
    pictures.decide("same", other, original)
    found = told(pictures.duplicates())
    assert "mirror.png" not in found["original.bmp"]
    assert found["original.bmp"]["other-10.png"] == "decided"
    kept = pictures.decide("keep", crop)
    found = told(pictures.duplicates())
    assert {"original.bmp", "mirror.png", "small.png"} <= found["crop.png"].keys()
    assert "other-10.png" not in found["crop.png"], "nothing was said of these two"
    assert pictures.undo(kept) == kept
    assert told(pictures.duplicates())["original.bmp"]["crop.png"] == "altered"
    pictures.undo()
    pictures.undo()
    assert "other-10.png" not in told(pictures.duplicates())["original.bmp"]
    with pytest.raises(InputError, match="no decision to undo"):
        pictures.undo()
    assert [one.undone for one in list_decisions(pictures.store)] == [True] * 3


def test_a_kept_image_is_the_keeper(pictures: Collection) -> None:
    (small,) = named(pictures, "small.png")
    pictures.decide("keep", small)
    found = pictures.duplicates()
    (group,) = found.groups
    assert (group.keeper.id, group.reason) == (small, "you keep it")
    names = {"original.bmp", "pixels.png", "mirror.png", "crop.png"}
    assert {*told(found)["small again.png"]} == names, "both of its files stay"


def test_a_decision_outlives_removal_and_another_id(place: Path, made: Path) -> None:
    with Collection.open(place, encoder=ColourEncoder()) as pictures:
        original, mirror = named(pictures, "original.bmp", "mirror.png")
        pictures.decide("not-duplicates", original, mirror)
    with CollectionStore.open(place, writable=True) as writer:
        writer.remove([mirror])
    again = made.parent / f"{made.name}-again"
    again.mkdir(exist_ok=True)
    shutil.copyfile(made / "pictures" / "mirror.png", again / "elsewhere.png")
    with Collection.open(place, encoder=ColourEncoder()) as pictures:
        pictures.index(again)
        found = told(pictures.duplicates())
        assert "elsewhere.png" not in found.get("original.bmp", {})


def test_what_is_no_decision_is_refused(pictures: Collection) -> None:
    (one,) = named(pictures, "crop.png")
    for kind, ids, message in (
        ("same", [one], "same is said of 2 images or more"),
        ("same", [one, one], "twice"),
        ("perhaps", [one], "'perhaps' is no decision"),
        ("undo", [one], "names a decision"),
    ):
        with pytest.raises(InputError, match=message):
            pictures.decide(kind, *ids)
    with pytest.raises(UnknownImageError):
        pictures.decide("keep", 999)
    assert list_decisions(pictures.store) == ()


def test_a_filter_says_what_is_compared_and_what_is_new(pictures: Collection) -> None:
    found = pictures.duplicates(where="name in ('original.bmp', 'crop.png', 'other-10.png')")
    assert told(found) == {"original.bmp": {"crop.png": "altered"}}
    assert found.images == 3
    found = pictures.duplicates(since="name = 'mirror.png'")
    assert told(found)["original.bmp"]["mirror.png"] == "altered"
    assert found.images == 1
    assert found.compared <= 6 + 5, "its nearest, and these with the keeper"
    assert not pictures.duplicates(since="name = 'other-11.png'").groups
    with pytest.raises(FilterError):
        pictures.duplicates(where="nonsense(")
    with pytest.raises(InputError, match="space 'x' is not in this collection"):
        pictures.duplicates(space="x")


def test_look_alikes_are_told_apart_from_copies(pictures: Collection) -> None:
    found = pictures.duplicates(look_alikes=True)
    spare = {copy.image.id for group in found.groups for copy in group.copies}
    for group in found.look_alikes:
        assert {group.keeper.id, *(copy.image.id for copy in group.copies)}.isdisjoint(spare)
        assert {copy.evidence.tier for copy in group.copies} == {"look-alike"}
    assert told(found) == told(pictures.duplicates())


def test_an_image_whose_file_has_changed_is_told_and_not_compared(
    place: Path, made: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(made / "pictures", tmp_path / "pictures"))
    shutil.rmtree(place)
    CollectionStore.create(place, ColourEncoder().fingerprint).close()
    with Collection.open(place, encoder=ColourEncoder()) as pictures:
        pictures.index(folder)
        draw(99).save(folder / "mirror.png")
        os.unlink(folder / "crop.png")
        found = pictures.duplicates()
    assert {Path(info.paths[0]).name for info in found.unread} == {"mirror.png", "crop.png"}
    assert "mirror.png" not in told(found)["original.bmp"]


def test_it_stops_when_asked(pictures: Collection) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(CancelledError):
        pictures.duplicates(cancellation=cancellation)


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_images_have_no_copies(tmp_path: Path, count: int) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(count):
        draw(seed).save(folder / f"{seed}.png")
    CollectionStore.create(tmp_path / "c", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "c", encoder=ColourEncoder()) as pictures:
        pictures.index(folder)
        found = pictures.duplicates(look_alikes=True)
    assert (found.groups, found.look_alikes, found.images) == ((), (), count)


# The trash


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
def own(tmp_path: Path, made: Path) -> tuple[Path, tuple[DuplicateGroup, ...]]:
    """Files that may be moved, and their groups."""
    folder = Path(shutil.copytree(made / "pictures", tmp_path / "own"))
    CollectionStore.create(tmp_path / "c", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "c", encoder=ColourEncoder()) as pictures:
        pictures.index(folder)
        return folder, pictures.duplicates().groups


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


def test_a_link_to_the_keeper_is_no_second_file(
    own: tuple[Path, tuple[DuplicateGroup, ...]], tmp_path: Path
) -> None:
    folder, _ = own
    os.unlink(folder / "small.png")
    os.symlink(folder / "small again.png", folder / "a link.png")
    with Collection.open(tmp_path / "c", encoder=ColourEncoder()) as pictures:
        pictures.index(folder)
        groups = pictures.duplicates(where="name in ('a link.png', 'small again.png')").groups
    plan = plan_trash(groups, {"identical"})
    assert groups
    assert not plan.files
    assert "by way of a link" in plan.left[0][1]


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


def test_a_hard_link_to_the_keeper_stays(
    own: tuple[Path, tuple[DuplicateGroup, ...]], tmp_path: Path
) -> None:
    folder, _ = own
    os.unlink(folder / "small again.png")
    os.link(folder / "small.png", folder / "small again.png")
    with Collection.open(tmp_path / "c", encoder=ColourEncoder()) as pictures:
        pictures.index(folder)
        groups = pictures.duplicates(where="name like 'small%'").groups
    plan = plan_trash(groups, {"identical"})
    assert not plan.files
    assert "one file" in plan.left[0][1]


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


def test_random_images_of_one_collection_are_no_copies(tmp_path: Path) -> None:
    folder = tmp_path / "noise"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    CollectionStore.create(tmp_path / "c", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "c", encoder=ColourEncoder()) as pictures:
        pictures.index(folder)
        assert pictures.duplicates().groups == ()
    assert trashing.plan_trash((), {"identical"}).files == ()
