"""Images are told by head, vote and probe, and by nothing that cannot tell them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import ColourEncoder, LabellingEncoder
from tests.service.operations.painted import COLOURS, kind_of, painted
from vitrail.indexer import encoders
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.probes import probe_names
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import (
    CancelledError,
    CheckpointError,
    CollectionError,
    FilterError,
    InputError,
    VitrailError,
)
from vitrail.search.classification import probe as probes
from vitrail.service.operations.classifications import ClassifyOptions
from vitrail.service.operations.classifying import classify
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.progress import Event, Note
from vitrail.service.operations.references import ImageId


@pytest.mark.parametrize("by", ["knn", "probe"])
def test_images_are_told_by_labelled_ones(colours: Collection, others: list[str], by: str) -> None:
    made = colours.classify(*others, labels="label", by=by, top=3)  # type: ignore[arg-type]
    assert [image.label for image in made.images] == [kind_of(path) for path in others]
    assert [image.name for image in made.images] == others
    assert made.probabilities.shape == (len(others), 3)
    assert made.probabilities.sum(axis=1) == pytest.approx(1)
    assert made.classes == tuple(sorted(COLOURS))
    assert all(len(image.guesses) == 3 for image in made.images)


def test_images_of_the_collection_are_told_as_stored(colours: Collection) -> None:
    made = colours.classify(where="label = 'red'", labels="label")
    assert {image.label for image in made.images} == {"red"}
    assert [image.id for image in made.images] == colours.store.allowed_ids(
        "label = 'red'"
    ).tolist()
    named = colours.classify(made.images[0].id or 0, labels="label")
    assert named.images[0].name == made.images[0].name
    np.testing.assert_allclose(named.probabilities[0], made.probabilities[0], rtol=1e-6)


def test_an_image_does_not_vote_about_itself(colours: Collection) -> None:
    """A red image that is labelled blue is told to be red, though it is its own nearest."""
    odd = colours.store.allowed_ids("name = 'red-05.png'").tolist()
    table = Path(colours.store.directory).parent / "kinds.csv"
    lines = [
        f"{info.path},{'blue' if info.id in odd else info.label}"
        for info in colours.store.metadata(colours.store.allowed_ids("true").tolist())
    ]
    table.write_text("\n".join(["path,kind", *lines]))
    with CollectionStore.open(colours.store.directory, writable=True) as writer:
        writer.annotate(str(table))
    colours.store.refresh()
    assert colours.classify(*odd, labels="kind").images[0].label == "red"


def test_what_is_less_likely_is_not_told(colours: Collection, others: list[str]) -> None:
    made = colours.classify(*others, labels="label", min_probability=1.0)
    assert all(image.label is None and image.guesses for image in made.images)


def test_a_file_that_is_no_image_ends_nothing(
    colours: Collection, others: list[str], tmp_path: Path
) -> None:
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"\x89PNG\r\n\x1a\nno")
    made = colours.classify(others[0], str(torn), others[1], labels="label")
    assert [image.label is None for image in made.images] == [False, True, False]
    assert made.images[1].error
    assert np.isnan(made.probabilities[1]).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"by": "knn"}, "name their column with --labels"),
        ({"by": "head", "labels": "label"}, "--by knn or --by probe"),
        ({"by": "magic"}, "head or knn or probe"),
        ({"labels": "label", "top": 0}, "1 label at least"),
        ({"labels": "label", "min_probability": 1.5}, "from 0 to 1"),
        ({"labels": "label", "refit": True}, "--by probe"),
        ({"labels": "nolabel"}, "did you mean label"),
        ({"labels": "keywords"}, "several values"),
        ({"labels": "prompt"}, "no image has a value"),
        ({"labels": "format"}, "1 value that two different images share"),
        ({"labels": "label", "space": "cls@12"}, "has mean@1"),
        ({"labels": "label", "where": "label = 'x'"}, "no image passes"),
        ({"labels": "label", "where": "lbl = 'x'"}, "lbl"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    colours: Collection, options: dict[str, object], says: str
) -> None:
    before = sorted(os.listdir(colours.store.directory))
    chosen = {"where": "true", **options}
    with pytest.raises(VitrailError, match=says) as told:
        colours.classify(**chosen)  # type: ignore[arg-type]
    assert "\n" not in str(told.value)
    assert sorted(os.listdir(colours.store.directory)) == before


def test_images_and_a_filter_do_not_go_together(colours: Collection, others: list[str]) -> None:
    with pytest.raises(InputError, match="beside a filter"):
        colours.classify(others[0], labels="label", where="true")
    with pytest.raises(InputError, match="nothing was given"):
        colours.classify(labels="label")
    with pytest.raises(InputError, match="named by --where"):
        colours.classify(others[0], labels="label", write="told")


def test_without_scikit_learn_images_still_vote(
    colours: Collection, others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "find_spec", lambda _: None)
    assert colours.classify(others[0], labels="label").images[0].label == kind_of(others[0])
    with pytest.raises(InputError, match="vitrail\\[analysis\\]"):
        colours.classify(others[0], labels="label", by="probe")


def test_who_asks_to_stop_is_heard_and_nothing_is_written(colours: Collection) -> None:
    cancellation = Cancellation()

    def stop(_: Event) -> None:
        cancellation.cancel()

    before = colours.store.state.seq
    with pytest.raises(CancelledError):
        classify(
            colours,
            [],
            ClassifyOptions("probe", "label"),
            where="true",
            write="told",
            progress=stop,
            cancellation=cancellation,
        )
    colours.store.refresh()
    assert colours.store.state.seq == before
    assert not probe_names(colours.store.directory)


def test_the_head_tells_files_now_and_images_of_the_collection_as_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = LabellingEncoder()
    monkeypatch.setattr(encoders, "read_labels", lambda _: encoder.labels)
    with painted(tmp_path, encoder) as made:
        path = str(next((tmp_path / "images" / "red").iterdir()))
        told = made.classify(path, top=2)
        assert told.by == "head"
        assert {guess.label for guess in told.images[0].guesses} == {"dark", "light"}
        assert sum(guess.probability for guess in told.images[0].guesses) == pytest.approx(1)
        notes: list[Event] = []
        one = made.store.allowed_ids("true").tolist()[0]
        asked = classify(made, [ImageId(one)], ClassifyOptions(), progress=notes.append)
        assert asked.images[0].label is None
        assert any(isinstance(n, Note) and "index --classify" in n.text for n in notes)
        made.index(tmp_path / "images", classify=True)
        made.store.refresh()
        stored = made.classify(where="true")
        assert {image.label for image in stored.images} == {"dark", "light"} & {
            info.top_label for info in made.store.metadata([i.id or 0 for i in stored.images])
        }


def test_a_checkpoint_without_a_head_says_what_to_do(
    colours: Collection, others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(name: str) -> tuple[str, ...]:
        raise CheckpointError(f"{name!r} has no classification head: leave out --classify")

    monkeypatch.setattr(encoders, "read_labels", none)
    with pytest.raises(InputError, match=r"--labels COLUMN.*vitrail reembed --checkpoint google"):
        colours.classify(others[0])


def test_threads_may_classify_at_once(colours: Collection, others: list[str]) -> None:
    expected = colours.classify(*others, labels="label").probabilities
    found: list[np.ndarray] = []

    def run() -> None:
        found.append(colours.classify(*others, labels="label").probabilities)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all((one == expected).all() for one in found)


def test_vectors_of_two_encoders_are_never_held_against_one_another(
    colours: Collection, others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where all is embedded anew between the commit that is read and the files."""
    monkeypatch.setattr(Collection, "encoder", ColourEncoder("another"))
    with pytest.raises(CollectionError, match="embedded anew"):
        colours.classify(others[0], labels="label")


def test_filters_that_are_none_say_so(colours: Collection) -> None:
    with pytest.raises(FilterError):
        colours.classify(where="label =", labels="label")
