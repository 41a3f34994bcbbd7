"""What scores mean is found out, kept, and found out anew."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.fakes import ColourEncoder
from tests.service.conftest import Once
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CancelledError, InputError
from vitrail.search.calibration import current
from vitrail.search.calibration.calibration import Calibration
from vitrail.search.calibration.calibration_file import calibration_path, read_calibration
from vitrail.search.calibration.fitting import fit_calibration, plant_copies
from vitrail.search.images import embed_images
from vitrail.service.operations import calibrating
from vitrail.service.operations.calibrating import calibrate, explain, is_due
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.progress import CalibrationProgress, Event, Note

SPACE = "mean@1"


def paint(folder: Path, count: int, *, start: int = 0) -> Path:
    """Images whose quadrants have colours of their own."""
    folder.mkdir(exist_ok=True)
    for number in range(start, start + count):
        colours = np.random.default_rng(number).integers(0, 256, (2, 2, 3), dtype=np.uint8)
        pixels = colours.repeat(16, axis=0).repeat(16, axis=1)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def opened(tmp_path: Path, once: Once) -> Callable[[], Collection]:
    """Opens a collection of 40 images."""
    images = paint(tmp_path / "images", 40)

    def open_() -> Collection:
        return Collection.open(tmp_path / "collection", encoder=ColourEncoder())

    def make() -> None:
        CollectionStore.create(tmp_path / "collection", ColourEncoder().fingerprint).close()
        with open_() as collection:
            collection.index(images)

    once("forty images", make)
    return open_


def kept(collection: Collection) -> bool:
    return read_calibration(collection.store.directory, collection.store.state) is not None


def test_hits_are_judged_without_anything_being_kept(opened: Callable[[], Collection]) -> None:
    with opened() as collection:
        result = collection.similar(1, k=39)
        assert not kept(collection)
    assert result.scale is not None
    assert result.scale.images == 40
    rates = [hit.fpr or 0 for hit in result.hits]
    assert rates == sorted(rates)
    assert rates[-1] > 0.5
    assert result.hits[-1].closeness == "chance"


def test_a_cutoff_by_rate_is_one_by_score(opened: Callable[[], Collection]) -> None:
    with opened() as collection:
        every = collection.similar(1, k=39)
        some = collection.similar(1, k=39, max_fpr=0.2)
        assert 0 < len(some.hits) < 39
        assert [hit.id for hit in some.hits] == [h.id for h in every.hits if (h.fpr or 0) <= 0.2]
        both = collection.similar(1, k=39, max_fpr=0.2, min_score=some.hits[0].score)
        assert [hit.id for hit in both.hits] == [some.hits[0].id]
        none = collection.similar(1, max_fpr=0.01, min_score=-1, exact=True)
        assert none.hits or "which is max fpr 0.01; the best is" in none.reason
        with pytest.raises(InputError, match="less than this collection's 780 pairs can tell"):
            collection.similar(1, max_fpr=1e-6)
        with pytest.raises(InputError, match="max fpr is 2, but a rate lies above 0"):
            collection.similar(1, max_fpr=2)


def test_the_mean_of_several_has_bounds_and_is_never_called_chance(
    opened: Callable[[], Collection],
) -> None:
    with opened() as collection:
        rows = np.concatenate([collection.store.vectors([i], SPACE) for i in (1, 2, 3)])
        fused = collection.find(rows, fusion="mean", k=39)
        single = collection.find_many(rows, k=39)
    assert fused.scale is not None
    assert fused.scale.at_most
    assert "chance" not in {hit.closeness for hit in fused.hits}
    assert all(one.scale is not None and not one.scale.at_most for one in single)
    assert {hit.closeness for one in single for hit in one.hits} >= {"copy", "chance"}


def test_what_is_found_out_is_kept_and_goes_on_being_used(
    opened: Callable[[], Collection], monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Event] = []
    with opened() as collection:
        assert is_due(collection)
        done = calibrate(collection, progress=events.append)
        assert done.kept
        assert not is_due(collection)
        scale = done.calibration.scale({SPACE: 1.0})
        assert collection.similar(1).scale == scale
    counts = [event.done for event in events if isinstance(event, CalibrationProgress)]
    assert counts == list(range(25))
    assert len(done.calibration.kinds) == 24 * 6
    monkeypatch.setattr(current, "fit_calibration", None)  # nobody fits again
    with opened() as collection:
        assert collection.similar(1).scale == scale
        clean = collection.store.notes
    assert not clean


def test_which_images_are_copied_is_told_by_their_number_and_pixels_alone(
    opened: Callable[[], Collection],
) -> None:
    each = 32 * 32

    def embedded(images: Sequence[Image.Image]) -> dict[str, NDArray[np.float32]]:
        return embed_images(ColourEncoder(), images)

    with opened() as collection:
        commit = collection.store.snapshot(SPACE)
        every = plant_copies(commit, embedded, originals=24)
        few = plant_copies(commit, embedded, originals=24, pixels=5 * each + each // 2)
        none = plant_copies(commit, embedded, pixels=each - 1)
    assert len(every.kinds) == 24 * 6
    assert len(few.kinds) == 5 * 6, "the sixth would be more than there is left"
    np.testing.assert_array_equal(few.scores, every.scores[: len(few.scores)])
    assert not none.kinds


def test_a_collection_that_has_grown_is_calibrated_anew_and_its_copies_stay(
    opened: Callable[[], Collection], tmp_path: Path
) -> None:
    with opened() as collection:
        calibrate(collection)
        collection.index(paint(tmp_path / "images", 10, start=40))
        assert not is_due(collection)
        collection.index(paint(tmp_path / "images", 10, start=50))
        assert is_due(collection)
        scale = collection.similar(1).scale
        assert scale is not None
        assert scale.images == 60
        before = read_calibration(collection.store.directory, collection.store.state)
        assert before is not None
        assert before.images == 40
        assert scale.copy < 0.9995, "planted copies of before hold for more images too"
        calibrate(collection)
        assert not is_due(collection)


def test_who_looked_while_files_were_away_has_the_copies_back_with_the_next_run(
    opened: Callable[[], Collection], tmp_path: Path
) -> None:
    with opened() as collection:
        (tmp_path / "images").rename(tmp_path / "away")
        calibrate(collection)
        assert not is_due(collection), "no run makes copies of files that are away"
        (tmp_path / "away").rename(tmp_path / "images")
        assert is_due(collection)
        calibrate(collection)
        assert not is_due(collection)
        known = read_calibration(collection.store.directory, collection.store.state)
    assert known is not None
    assert known.kinds


def test_files_that_are_away_are_no_obstacle(
    opened: Callable[[], Collection], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "images")
    events: list[Event] = []
    with opened() as collection:
        done = calibrate(collection, progress=events.append)
        assert kept(collection)
    assert not done.calibration.kinds
    notes = [event.text for event in events if isinstance(event, Note)]
    assert notes == ["no copies were made to compare with, as no image's file can be read now"]
    assert done.calibration.scale({SPACE: 1.0}).copy == 0.9995
    assert explain(done.calibration, {SPACE: 1.0}).words[0].found is None


def test_too_few_images_have_no_rates_and_are_told(tmp_path: Path) -> None:
    CollectionStore.create(tmp_path / "few", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "few", encoder=ColourEncoder()) as collection:
        collection.index(paint(tmp_path / "images", 19))
        result = collection.similar(1)
        assert result.scale is None
        assert {(hit.fpr, hit.closeness) for hit in result.hits} == {(None, None)}
        assert not is_due(collection)
        with pytest.raises(InputError, match="19 images are too few to tell how rare"):
            calibrate(collection)
        with pytest.raises(
            InputError, match=r"max fpr 0\.01 cannot be told in a collection of less"
        ):
            collection.similar(1, max_fpr=0.01)


def test_who_cancels_keeps_what_was_there(opened: Callable[[], Collection]) -> None:
    cancellation = Cancellation()

    def cancel(event: Event) -> None:
        if isinstance(event, CalibrationProgress) and event.done == 2:
            cancellation.cancel()

    with opened() as collection:
        with pytest.raises(CancelledError):
            calibrate(collection, progress=cancel, cancellation=cancellation)
        assert not os.path.exists(calibration_path(collection.store.directory))


def test_a_folder_that_may_not_be_written_costs_a_note(
    opened: Callable[[], Collection], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(calibrating, "write_calibration", refuse)
    events: list[Event] = []
    with opened() as collection:
        done = calibrate(collection, progress=events.append)
        assert not done.kept
        assert collection.similar(1).scale == done.calibration.scale({SPACE: 1.0})
    (note,) = [event.text for event in events if isinstance(event, Note)]
    assert "scores.calibration could not be written (Read-only file system)" in note


def test_a_damaged_file_is_replaced_by_what_is_fitted_in_memory(
    opened: Callable[[], Collection],
) -> None:
    with opened() as collection:
        calibrate(collection)
        path = Path(calibration_path(collection.store.directory))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    with opened() as collection:
        assert collection.similar(1).scale is not None
        assert is_due(collection)
        calibrate(collection)
        assert kept(collection)


def test_threads_that_ask_at_once_wait_for_one_fit(
    opened: Callable[[], Collection], monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[int] = []

    def count(*given: Any, **named: Any) -> Calibration | None:
        fitted.append(1)
        return fit_calibration(*given, **named)

    monkeypatch.setattr(current, "fit_calibration", count)
    with opened() as collection, ThreadPoolExecutor(8) as threads:
        scales = [one.scale for one in threads.map(lambda i: collection.similar(i), range(1, 33))]
    assert len(fitted) == 1
    assert all(scale == scales[0] for scale in scales)
