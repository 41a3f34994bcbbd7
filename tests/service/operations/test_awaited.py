"""New collections of the embedded encoder, which whiten their space as soon as images suffice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import ColourEncoder
from tests.service.operations.test_calibrating import paint
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection import transforms
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.encoders import EMBEDDED, checkpoints, read_fingerprint
from vitrail.indexer.encoders.checkpoints import awaited_space
from vitrail.indexer.indexing.progress import IndexCounts
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.indexing import index
from vitrail.service.operations.progress import Event, Note

SPACE, DERIVED = "mean@1", "mean@1/w"
ENOUGH = 32


def test_the_embedded_encoder_in_its_own_space_has_one() -> None:
    assert awaited_space(read_fingerprint(EMBEDDED, [])) == "gem@9/w"
    assert awaited_space(read_fingerprint(EMBEDDED, ["gem@9"])) == "gem@9/w"
    assert awaited_space(read_fingerprint(EMBEDDED, ["cls@9"])) is None
    assert awaited_space(read_fingerprint(EMBEDDED, ["gem@9", "cls@9"])) is None
    assert awaited_space(ColourEncoder().fingerprint) is None


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Collection]:
    """Begins a collection whose encoder stands in for the embedded one."""

    def create() -> Collection:
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, "awaited_space", lambda _: DERIVED)
            return Collection.create(tmp_path / "collection", encoder=ColourEncoder())

    return create


@pytest.mark.parametrize(("spaces", "awaits"), [(None, {"gem@9/w": 1.0}), (["gem@9"], {})])
def test_whoever_names_spaces_gets_these(
    tmp_path: Path, spaces: list[str] | None, awaits: dict[str, float]
) -> None:
    with Collection.create(tmp_path / "new", checkpoint=EMBEDDED, spaces=spaces) as collection:
        assert dict(collection.store.state.chosen_weights) == awaits
        assert collection.store.default_weights == {"gem@9": 1.0}


def weighed(collection: Collection) -> set[str]:
    return set(collection.similar(1).hits[0].scores)


def test_it_is_fitted_by_the_first_run_that_leaves_enough_and_stays(
    begin: Callable[[], Collection], tmp_path: Path
) -> None:
    with begin() as collection:
        collection.index(paint(tmp_path / "images", ENOUGH - 1))
        assert weighed(collection) == {SPACE}
        collection.index(paint(tmp_path / "images", 1, start=ENOUGH - 1))
        assert weighed(collection) == {DERIVED}
        assert set(collection.similar(1, spaces={SPACE: 1}).hits[0].scores) == {SPACE}
        (fitted,) = collection.store.state.derived
        collection.index(paint(tmp_path / "images", 40, start=ENOUGH))
        assert collection.store.state.derived == (fitted,), "scores stay what they were"
        assert len(collection.similar(1, k=100).hits) == ENOUGH + 39


def test_a_run_that_is_interrupted_leaves_it_to_the_next(
    begin: Callable[[], Collection], tmp_path: Path
) -> None:
    cancellation = Cancellation()

    def stop(counts: IndexCounts) -> None:
        if counts.committed >= ENOUGH or counts.encoded >= ENOUGH:
            cancellation.cancel()

    paint(tmp_path / "images", 60)
    with begin() as collection:
        done = collection.index(tmp_path / "images", on_progress=stop, cancellation=cancellation)
        assert done.interrupted
        assert weighed(collection) == {SPACE}
        collection.index(tmp_path / "images")
        assert weighed(collection) == {DERIVED}


def test_a_kill_right_after_a_collection_is_made_leaves_it_awaited(
    begin: Callable[[], Collection], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(CollectionStore, "transaction", kill)
        with pytest.raises(KilledError):
            begin()
    with Collection.open(tmp_path / "collection", encoder=ColourEncoder()) as collection:
        collection.index(paint(tmp_path / "images", ENOUGH))
        assert weighed(collection) == {DERIVED}


def test_images_are_indexed_though_it_cannot_be_fitted(
    begin: Callable[[], Collection],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    with begin() as collection:
        with monkeypatch.context() as patch:
            patch.setattr(transforms, "write", full)
            done = collection.index(paint(tmp_path / "images", ENOUGH))
        assert done.committed == ENOUGH
        assert "no space was whitened afterwards" in caplog.text
        assert weighed(collection) == {SPACE}
        collection.index()
        assert weighed(collection) == {DERIVED}


def test_a_collection_of_before_keeps_its_ways(tmp_path: Path) -> None:
    CollectionStore.create(tmp_path / "collection", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "collection", encoder=ColourEncoder()) as collection:
        collection.index(paint(tmp_path / "images", 60))
        assert weighed(collection) == {SPACE}
        assert not collection.store.state.derived


def test_a_run_says_so_in_a_line_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: Callable[[], Collection]
) -> None:
    begin().close()
    notes: list[str] = []

    def tell(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    monkeypatch.setattr("vitrail.indexer.encoders.load_encoder", lambda _: ColourEncoder())
    folder = str(paint(tmp_path / "images", ENOUGH))
    for _ in range(2):
        index(tmp_path / "collection", [folder], progress=tell)
    assert notes == ["searches use mean@1/w from now on: mean@1, whitened on 32 images"]
