"""Searching by derived spaces and by a default, whichever way a question comes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.derivation import drop, set_default_weights
from vitrail.indexer.collection.derivation import whiten as refit
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import InputError
from vitrail.search.calibration.calibration import SAME
from vitrail.search.calibration.calibration_file import read_calibration
from vitrail.search.query import SearchResult
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.progress import CalibrationProgress, Event
from vitrail.service.operations.query_kinds import VectorQuery
from vitrail.service.operations.searching import answer as answer_embedded
from vitrail.service.operations.searching import embed_query
from vitrail.service.operations.spaces import (
    arrange_spaces,
    list_spaces,
    whiten,
    whiten_and_calibrate,
)

COUNT = 40
SPACE, DERIVED, NARROW = "mean@1", "mean@1/w", "mean@1/w3"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spaces")
    random = np.random.default_rng(3)
    for number in range(COUNT):
        pixels = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((16, 16)).save(folder / f"{number}.png")
    CollectionStore.create(folder / "collection", ColourEncoder().fingerprint).close()
    with Collection.open(folder / "collection", encoder=ColourEncoder()) as opened:
        opened.index(folder)
        assert opened.whiten(SPACE) == DERIVED
        assert opened.whiten(SPACE, dim=3) == NARROW
    return folder


@pytest.fixture
def pictures(made: Path, tmp_path: Path) -> Iterator[Collection]:
    shutil.copytree(made / "collection", tmp_path / "collection")
    with Collection.open(tmp_path / "collection", encoder=ColourEncoder()) as opened:
        yield opened


def ids(result: SearchResult) -> list[int]:
    return [hit.id for hit in result.hits]


def test_every_kind_of_question_is_answered_alike(pictures: Collection, made: Path) -> None:
    asked, only = made / "7.png", {DERIVED: 1.0}
    number = pictures.store.resolve("7.png")
    by_image = pictures.search(asked, spaces=only, k=5)
    assert ids(by_image)[0] == number
    assert by_image.hits[0].score == pytest.approx(1, abs=1e-5)
    assert set(by_image.hits[0].scores) == {DERIVED}
    rows = pictures.embed(asked)
    assert set(rows) == {SPACE}
    own = {DERIVED: pictures.store.vectors([number], DERIVED)}
    for found in (
        pictures.find(rows, spaces=only, k=5),
        pictures.find(rows[SPACE], spaces=only, k=5),
        pictures.find(own, spaces=only, k=5),
        pictures.search_many([asked], spaces=only, k=5)[0],
        pictures.find_many(rows, spaces=only, k=5)[0],
    ):
        assert ids(found) == ids(by_image)
        assert [h.score for h in found.hits] == pytest.approx([h.score for h in by_image.hits])
    assert ids(pictures.similar(number, spaces=only, k=4)) == ids(by_image)[1:]


def test_a_score_is_the_cosine_of_transformed_rows(pictures: Collection, made: Path) -> None:
    transform = pictures.store.snapshot().transform(NARROW)
    row = transform.apply(pictures.embed(made / "3.png")[SPACE])[0]
    everything = [*range(1, COUNT + 1)]
    expected = transform.apply(pictures.store.vectors(everything, SPACE)) @ row
    found = pictures.search(made / "3.png", spaces={NARROW: 1}, k=COUNT)
    assert ids(found) == (np.argsort(-expected) + 1).tolist()
    assert [hit.score for hit in found.hits] == pytest.approx(sorted(expected)[::-1], abs=1e-5)


def test_a_mixture_weighs_stored_and_derived_spaces(pictures: Collection, made: Path) -> None:
    found = pictures.search(made / "3.png", spaces={DERIVED: 3, SPACE: 1}, k=COUNT)
    assert found.exact
    for hit in found.hits:
        mixed = 0.75 * hit.scores[DERIVED] + 0.25 * hit.scores[SPACE]
        assert hit.score == pytest.approx(mixed, abs=1e-5)


def test_where_nothing_is_said_the_default_is_searched(pictures: Collection, made: Path) -> None:
    asked, number = made / "7.png", pictures.store.resolve("7.png")
    assert set(pictures.search(asked).hits[0].scores) == {SPACE}
    pictures.set_default_spaces({DERIVED: 0.5, NARROW: 0.5})
    rows = pictures.embed(asked)
    own = {name: pictures.store.vectors([number], name) for name in (DERIVED, NARROW)}
    for found in (
        pictures.search(asked),
        pictures.search_many([asked])[0],
        pictures.similar(number),
        pictures.find(rows),
        pictures.find(own),
        pictures.find_many(rows)[0],
        answer_embedded(pictures, embed_query(pictures, VectorQuery(own))),
    ):
        assert set(found.hits[0].scores) == {DERIVED, NARROW}
    assert set(pictures.search(asked, spaces={SPACE: 1}).hits[0].scores) == {SPACE}
    pictures.set_default_spaces({})
    assert set(pictures.search(asked).hits[0].scores) == {SPACE}


def test_examples_for_and_against_are_transformed(pictures: Collection, made: Path) -> None:
    transform = pictures.store.snapshot().transform(DERIVED)
    like, unlike = pictures.embed(made / "1.png")[SPACE], pictures.embed(made / "2.png")[SPACE]
    found = pictures.search(
        made / "1.png",
        pictures.store.resolve("3.png"),
        negative=[made / "2.png"],
        spaces={DERIVED: 1},
    )
    stored = pictures.store.vectors([pictures.store.resolve("3.png")], DERIVED)
    given = {DERIVED: np.concatenate([transform.apply(like), stored])}
    by_hand = pictures.find(
        given,
        negative={DERIVED: transform.apply(unlike)},
        spaces={DERIVED: 1},
        fusion="mean",
        exclude=[pictures.store.resolve("3.png")],
    )
    assert ids(found) == ids(by_hand)
    assert [h.score for h in found.hits] == pytest.approx([h.score for h in by_hand.hits], abs=1e-5)


def test_scores_of_derived_spaces_are_calibrated(pictures: Collection, made: Path) -> None:
    hits = pictures.search(made / "7.png", spaces={DERIVED: 1}, k=COUNT).hits
    rates = [hit.fpr for hit in hits]
    assert None not in rates
    assert rates == sorted(rates)  # type: ignore[type-var]
    assert rates[-1] > 0.5  # type: ignore[operator]
    with CollectionStore.open(pictures.store.directory, writable=True) as writer:
        writer.remove([1, 2, 3])
        refit(writer, SPACE)
    pictures.store.refresh()
    again = pictures.search(made / "7.png", spaces={DERIVED: 1}, k=COUNT).hits
    assert again[-1].fpr != rates[-1]


def test_a_background_is_transformed_too(pictures: Collection, made: Path) -> None:
    rows = pictures.embed(made / "1.png", made / "2.png")
    background = pictures.embed(*(made / f"{n}.png" for n in range(3, 30)))
    found = pictures.find(rows, spaces={DERIVED: 1}, fusion="mean", background=background)
    assert found.evidence.background == 27
    assert found.evidence.verdict is not None


def test_another_reader_learns_of_the_default_by_a_refresh(
    pictures: Collection, made: Path
) -> None:
    with Collection.open(pictures.store.directory, encoder=ColourEncoder()) as other:
        pictures.set_default_spaces({DERIVED: 1})
        assert set(other.search(made / "1.png").hits[0].scores) == {SPACE}
        other.store.refresh()
        assert set(other.search(made / "1.png").hits[0].scores) == {DERIVED}


def test_a_query_goes_on_where_its_space_was_dropped_meanwhile(
    pictures: Collection, made: Path
) -> None:
    pictures.set_default_spaces({DERIVED: 1})
    with Collection.open(pictures.store.directory, encoder=ColourEncoder()) as other:
        with CollectionStore.open(pictures.store.directory, writable=True) as writer:
            drop(writer, DERIVED)
        # The index and the transform are gone; by the default of now it is answered all the same.
        assert set(other.search(made / "1.png").hits[0].scores) == {SPACE}


def test_what_is_not_there_is_named_with_what_is(pictures: Collection, made: Path) -> None:
    with pytest.raises(InputError, match=r"'gem@9/w' is not in this collection.* mean@1/w, mean"):
        pictures.search(made / "1.png", spaces={"gem@9/w": 1})
    with pytest.raises(InputError, match="'mean@2' is not stored in this collection"):
        pictures.whiten("mean@2")
    rows = pictures.store.vectors([1], NARROW)
    with pytest.raises(InputError, match=r"no vectors for space mean@1/w; .* it has: mean@1/w3$"):
        pictures.find({NARROW: rows}, spaces={DERIVED: 1})
    with pytest.raises(InputError, match="'nonsense' names no space to whiten"):
        pictures.whiten("nonsense")
    with pytest.raises(InputError, match="13 dimensions cannot be kept of 12"):
        pictures.whiten(SPACE, dim=13)


def test_the_use_cases_by_directory(pictures: Collection) -> None:
    directory = Path(pictures.store.directory)
    assert whiten(directory, DERIVED, dim=5, default=True).name == "mean@1/w5"
    pictures.store.refresh()
    listed = list_spaces(pictures.store)
    assert listed.images == COUNT
    assert [*listed.spaces] == [SPACE, DERIVED, NARROW, "mean@1/w5"]
    assert listed.spaces["mean@1/w5"].share == 1
    assert listed.spaces[NARROW].base == SPACE
    weighed = arrange_spaces(directory, default=f"{DERIVED}:3,{SPACE}:1").spaces
    assert (weighed[DERIVED].share, weighed[SPACE].share) == (0.75, 0.25)
    assert arrange_spaces(directory, default="").spaces[SPACE].share == 1
    for text in ("gem@9", f"{DERIVED}:0", f"{DERIVED}:x", NARROW):
        with pytest.raises(InputError):
            arrange_spaces(directory, default=text, drop=NARROW)
    with pytest.raises(InputError):
        arrange_spaces(directory, default=DERIVED, drop=SPACE)
    kept = arrange_spaces(directory).spaces
    assert NARROW in kept
    assert kept[SPACE].share == 1
    both = arrange_spaces(directory, default=DERIVED, drop=NARROW).spaces
    assert both[DERIVED].share == 1
    assert NARROW not in both


def test_images_come_and_go_as_in_stored_spaces(pictures: Collection, made: Path) -> None:
    with CollectionStore.open(pictures.store.directory, writable=True) as writer:
        set_default_weights(writer, {DERIVED: 1.0})
        writer.remove([pictures.store.resolve("7.png")])
    pictures.store.refresh()
    left = ids(pictures.search(made / "7.png", k=COUNT))
    assert len(left) == COUNT - 1


def test_what_scores_meant_is_forgotten_when_a_space_is_fitted_anew(pictures: Collection) -> None:
    store = pictures.store
    before = store.state.vectors_digest
    assert before != store.fingerprint.digest
    with CollectionStore.open(store.directory, writable=True) as writer:
        writer.remove([pictures.store.resolve("7.png")])
        assert writer.state.vectors_digest == before
        refit(writer, SPACE)
        assert writer.state.vectors_digest != before


@pytest.fixture
def by_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens the collection by its directory gets the encoder that made it."""
    monkeypatch.setattr("vitrail.indexer.encoders.load_encoder", lambda _: ColourEncoder())


@pytest.mark.usefixtures("by_colours")
def test_a_whitened_space_is_calibrated_with_planted_copies(pictures: Collection) -> None:
    directory, counts = Path(pictures.store.directory), list[int]()

    def tell(event: Event) -> None:
        if isinstance(event, CalibrationProgress):
            counts.append(event.done)

    done = whiten_and_calibrate(directory, SPACE, dim=5, default=True, progress=tell)
    assert (done.space.name, done.calibrated) == ("mean@1/w5", True)
    assert counts == [*range(25)]
    pictures.store.refresh()
    known = read_calibration(str(directory), pictures.store.state)
    assert known is not None
    assert "mean@1/w5" in known.spaces
    assert len(known.copies) == 24 * 6
    told = known.copies_from({"mean@1/w5": 1.0})
    assert told < SAME, "without copies nothing less would be called one"


@pytest.mark.usefixtures("by_colours")
def test_who_interrupts_calibrating_keeps_the_space(pictures: Collection) -> None:
    directory, cancellation = Path(pictures.store.directory), Cancellation()

    def stop(event: Event) -> None:
        if isinstance(event, CalibrationProgress) and event.done == 3:
            cancellation.cancel()

    done = whiten_and_calibrate(
        directory, SPACE, dim=4, default=True, progress=stop, cancellation=cancellation
    )
    assert not done.calibrated
    pictures.store.refresh()
    assert pictures.store.default_weights == {"mean@1/w4": 1.0}
    assert read_calibration(str(directory), pictures.store.state) is None
    assert verify(directory).clean
