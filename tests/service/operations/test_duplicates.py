"""Copies in a collection are found by their pixels, and decisions about them are honoured."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from tests.fakes import ColourEncoder
from tests.search.duplicates.drawing import draw
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CancelledError, FilterError, InputError, UnknownImageError
from vitrail.search.duplicates.evidence import TIERS
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.duplicates import Duplicates
from vitrail.service.operations.progress import AnalysisProgress, Event
from vitrail.service.operations.trashing import plan_trash


@pytest.fixture
def place(with_copies: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(with_copies / "collection", tmp_path / "collection"))


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


def _found_among(folder: Path, **images: Image.Image | bytes) -> Duplicates:
    """What is found of images saved as PNG files, or as the bytes that are given."""
    (folder / "pictures").mkdir()
    for name, image in images.items():
        path = folder / "pictures" / name.replace("_", ".")
        if isinstance(image, bytes):
            path.write_bytes(image)
        else:
            image.save(path, "PNG")
    CollectionStore.create(folder / "c", ColourEncoder().fingerprint).close()
    with Collection.open(folder / "c", encoder=ColourEncoder()) as pictures:
        pictures.index(folder / "pictures")
        return pictures.duplicates()


def _on_own_ground() -> Image.Image:
    """A round thing with plain margins of its own, as emoji and products have."""
    mask = Image.new("L", (160, 160))
    ImageDraw.Draw(mask).ellipse((0, 0, 159, 159), fill=255)
    image = Image.new("RGB", (240, 240), "white")
    image.paste(draw(1, (160, 160)), (40, 40), mask)
    return image


@pytest.mark.parametrize("side", [190, 206, 214])
def test_a_crop_is_not_kept_over_what_it_was_cut_from(tmp_path: Path, side: int) -> None:
    image = _on_own_ground()
    crop = image.crop((0, 0, side, side))
    encoded = _jpeg(image)
    found = _found_among(tmp_path, whole_png=image, again_bmp=image, crop_png=crop, q_jpg=encoded)
    (group,) = found.groups
    assert {"crop.png", "q.jpg"} <= told(found)[Path(group.keeper.paths[0]).name].keys()
    assert group.keeper.width == 240
    plan = plan_trash(found.groups, TIERS)
    assert len(plan.files) == 3
    assert {file.keeper for file in plan.files} == {group.keeper.path}


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=97, subsampling=0)
    return file.getvalue()


def test_a_framed_image_is_not_kept_over_what_the_frame_is_around(tmp_path: Path) -> None:
    image = draw(1)
    framed = ImageOps.expand(image, 24, "white")
    found = _found_among(
        tmp_path,
        picture_png=image,
        framed_png=framed,
        cut_png=framed.crop((0, 0, 280, 220)).resize((270, 212)),
        small_png=framed.resize((200, 158)),
    )
    (group,) = found.groups
    assert (Path(group.keeper.paths[0]).name, group.reason) == ("picture.png", "no frame around it")
    says = {Path(one.paths[0]).name: one.evidence.says for one in group.copies}
    assert says["framed.png"] == ("65% of a larger image",), "as it is told against the keeper"


def test_of_as_many_pixels_those_without_loss_are_kept(tmp_path: Path) -> None:
    large = _jpeg(draw(1)) + bytes(1 << 20)
    (group,) = _found_among(tmp_path, a_jpg=large, b_png=draw(1)).groups
    assert (group.keeper.format, group.reason) == ("PNG", "not compressed with loss")


def test_black_and_white_is_not_kept_over_colours_as_if_nothing_were_lost(tmp_path: Path) -> None:
    image = draw(1).point(lambda value: 255 * (value > 127))
    grey = Image.blend(image.convert("L").convert("RGB"), image, 0.1)
    found = _found_among(tmp_path, a_jpg=_jpeg(grey) + bytes(1 << 20), b_png=image.convert("L"))
    (group,) = found.groups
    assert (group.keeper.format, group.reason[:12]) == ("JPEG", "largest file")


def _animated(kind: str, first: Image.Image, *more: int) -> bytes:
    file = io.BytesIO()
    first.save(file, kind, save_all=True, append_images=[draw(i) for i in more], duration=80)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
@pytest.mark.parametrize("first", [draw(1), Image.new("RGB", (240, 180))])
def test_what_holds_images_that_were_not_compared_is_no_whole_copy(
    tmp_path: Path, kind: str, first: Image.Image
) -> None:
    one, other = _animated(kind, first, 2, 3), _animated(kind, first, 4, 5, 6)
    (group,) = (found := _found_among(tmp_path, one_gif=one, other_gif=other)).groups
    (copy,) = group.copies
    assert (copy.evidence.tier, copy.evidence.says) == (
        "altered",
        ("only its first image compared",),
    )
    assert not plan_trash(found.groups, {"identical", "re-encoded"}).files


def test_a_still_is_not_kept_in_place_of_an_animation(tmp_path: Path) -> None:
    movie = _animated("GIF", draw(1), 2, 3, 4, 5)
    found = _found_among(tmp_path, movie_gif=movie, still_png=draw(1), again_jpg=_jpeg(draw(1)))
    plan = plan_trash(found.groups, {"identical", "re-encoded"})
    assert [Path(file.path).name for file in plan.files] == ["again.jpg"]


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
    assert {"original.bmp", "mirror.png", "small again.png"} <= found["crop.png"].keys()
    assert "other-10.png" not in found["crop.png"], "nothing was said of these two"
    assert pictures.undo(kept) == kept
    assert told(pictures.duplicates())["original.bmp"]["crop.png"] == "altered"
    pictures.undo()
    pictures.undo()
    assert "other-10.png" not in told(pictures.duplicates())["original.bmp"]
    with pytest.raises(InputError, match="no decision to undo"):
        pictures.undo()
    assert [one.undone for one in pictures.decisions()] == [True] * 3


def test_a_kept_image_is_the_keeper(pictures: Collection) -> None:
    (small,) = named(pictures, "small.png")
    pictures.decide("keep", small)
    found = pictures.duplicates()
    (group,) = found.groups
    assert (group.keeper.id, group.reason) == (small, "you keep it")
    names = {"original.bmp", "pixels.png", "mirror.png", "crop.png"}
    assert {*told(found)["small again.png"]} == names, "both of its files stay"


def test_identical_images_are_beside_one_another_where_more_is_lost_by_the_keeper(
    pictures: Collection,
) -> None:
    (crop,) = named(pictures, "crop.png")
    pictures.decide("keep", crop)
    found = pictures.duplicates()
    assert told(found) == {
        "crop.png": {
            "original.bmp": "altered",
            "mirror.png": "altered",
            "small again.png": "altered",
        },
        "original.bmp": {"pixels.png": "identical"},
        "small again.png": {"small.png": "identical"},
    }
    plan = plan_trash(found.groups, {"identical", "re-encoded"})
    kept = {Path(file.path).name: Path(file.keeper).name for file in plan.files}
    assert kept == {"pixels.png": "original.bmp", "small.png": "small again.png"}
    plan = plan_trash(found.groups, {"identical", "re-encoded", "altered"})
    gone = {"original.bmp", "mirror.png", "small again.png", "pixels.png", "small.png"}
    assert {Path(file.path).name: Path(file.keeper).name for file in plan.files} == dict.fromkeys(
        gone, "crop.png"
    )
    assert not plan.left
    some = told(pictures.duplicates(since="name = 'mirror.png'"))
    assert some
    assert all("mirror.png" in (keeper, *copies) for keeper, copies in some.items())


def test_a_decision_outlives_removal_and_another_id(place: Path, with_copies: Path) -> None:
    with Collection.open(place, encoder=ColourEncoder()) as pictures:
        original, mirror = named(pictures, "original.bmp", "mirror.png")
        pictures.decide("not-duplicates", original, mirror)
    with CollectionStore.open(place, writable=True) as writer:
        writer.remove([mirror])
    again = with_copies.parent / f"{with_copies.name}-again"
    again.mkdir(exist_ok=True)
    shutil.copyfile(with_copies / "pictures" / "mirror.png", again / "elsewhere.png")
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
    assert pictures.decisions() == ()


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
    place: Path, with_copies: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(with_copies / "pictures", tmp_path / "pictures"))
    shutil.rmtree(place)
    CollectionStore.create(place, ColourEncoder().fingerprint).close()
    with Collection.open(place, encoder=ColourEncoder()) as pictures:
        pictures.index(folder)
        draw(99).save(folder / "mirror.png")
        os.unlink(folder / "crop.png")
        found = pictures.duplicates()
    assert {Path(info.paths[0]).name for info in found.unread} == {"mirror.png", "crop.png"}
    assert "mirror.png" not in told(found)["original.bmp"]


def test_it_tells_where_it_is(pictures: Collection) -> None:
    told: dict[str, list[tuple[int, int]]] = {}

    def note(event: Event) -> None:
        assert isinstance(event, AnalysisProgress)
        told.setdefault(event.doing, []).append((event.done, event.total))

    pictures.duplicates(on_progress=note)
    assert [*told] == ["looking for near pairs", "comparing pixels", "forming groups"]
    assert all(events[-1][0] == events[-1][1] for events in told.values())


def test_it_stops_when_asked(pictures: Collection) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(CancelledError):
        pictures.duplicates(cancellation=cancellation)


def test_it_stops_when_asked_at_any_event(pictures: Collection) -> None:
    seen: list[Event] = []
    pictures.duplicates(on_progress=seen.append)
    assert len(seen) >= 3
    for last in range(1, len(seen) + 1):
        cancellation, told = Cancellation(), iter(range(1, last))

        def cancel(_: Event) -> None:
            if next(told, None) is None:  # noqa: B023 - called before the next round
                cancellation.cancel()  # noqa: B023

        with pytest.raises(CancelledError):
            pictures.duplicates(on_progress=cancel, cancellation=cancellation)


@pytest.mark.parametrize("error", [StopIteration("mine"), ValueError("mine"), KeyError("mine")])
def test_what_a_callback_raises_comes_out_as_it_is(
    pictures: Collection, with_copies: Path, error: Exception
) -> None:
    seen: list[object] = []
    pictures.duplicates(on_progress=seen.append)
    for last in range(1, len(seen) + 1):
        told = iter(range(1, last))

        def fail(_: object) -> None:
            if next(told, None) is None:  # noqa: B023 - called before the next round
                raise error

        with pytest.raises(type(error)) as raised:
            pictures.duplicates(on_progress=fail)
        assert raised.value is error, seen[last - 1]
    with pytest.raises(type(error)) as raised:
        pictures.index(with_copies / "pictures", on_progress=fail)
    assert raised.value is error


def test_a_callback_that_is_none_is_refused(pictures: Collection) -> None:
    number: Any = 5
    for work in (pictures.duplicates, pictures.index):
        with pytest.raises(InputError, match="on_progress is 5, which cannot be called; give a"):
            work(on_progress=number)


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
