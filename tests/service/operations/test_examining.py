"""Wrong labels and outliers are found in a collection, and its reports say what was held out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.service.operations.painted import COLOURS, painted
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CancelledError, InputError
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.examining import (
    Neighbour,
    Suspect,
    assess_labels,
    find_suspects,
)
from vitrail.service.operations.labels import LabelOptions
from vitrail.service.operations.progress import Event, Note

WRONG = {"red-03.png": "blue", "red-07.png": "green", "green-04.png": "red", "blue-02.png": "red"}


def name_of(one: Suspect | Neighbour) -> str:
    return Path(one.path or "").name


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    """Images of three colours with a column ``kind``, of which four are wrong, and one outlier."""
    folder = tmp_path_factory.mktemp("painted")
    with painted(folder, each=30) as made:
        stripes = np.zeros((16, 16, 3), np.uint8)
        stripes[8:, :8], stripes[:8, 8:] = (255, 255, 0), (0, 255, 255)
        Image.fromarray(stripes).save(folder / "images" / "odd.png")
        made.index(folder / "images")
        infos = made.store.metadata(made.store.allowed_ids("true").tolist())
        known = {info.name: info.label for info in infos if info.label in COLOURS}
        lines = [f"{name},{WRONG.get(str(name), label)}" for name, label in known.items()]
        (folder / "kinds.csv").write_text("\n".join(["path,kind", *lines, "odd.png,alone"]))
        with CollectionStore.open(made.store.directory, writable=True) as writer:
            writer.annotate(str(folder / "kinds.csv"))
        made.store.refresh()
        yield made


def test_a_probe_finds_planted_wrong_labels_first(colours: Collection) -> None:
    found = colours.suspect_labels("kind", by="probe")
    assert {name_of(one) for one in found.suspects[: len(WRONG)]} == set(WRONG)


@pytest.mark.parametrize("by", ["knn", "probe"])
def test_planted_wrong_labels_are_found(colours: Collection, by: str) -> None:
    """Votes find fewer: half of them, where a probe finds all."""
    found = find_suspects(colours, LabelOptions("kind", by))  # type: ignore[arg-type]
    planted = {name_of(one): one for one in found.suspects if name_of(one) in WRONG}
    assert len(planted) >= (len(WRONG) if by == "probe" else len(WRONG) / 2)
    assert len(found.suspects) <= 3 * len(WRONG)
    for name, one in planted.items():
        assert one.given == WRONG[name]
        assert one.likely == name.split("-")[0]
        assert one.probability > one.given_probability
        assert one.nearest_likely is not None
        assert name_of(one.nearest_likely).startswith(one.likely)
        assert one.nearest_given is not None
        assert one.nearest_likely.cosine > one.nearest_given.cosine
    assert found.images == 93
    assert found.accuracy.mean > 0.8


def test_what_is_unlike_all_is_an_outlier(colours: Collection) -> None:
    found = colours.suspect_labels("kind")
    assert Path(found.outliers[0].path or "").name == "odd.png"
    assert found.outliers[0].spreads > 3.5
    assert len(found.outliers) < 5


def test_a_report_says_how_well_labels_are_told(colours: Collection) -> None:
    notes: list[Event] = []
    report = assess_labels(colours, LabelOptions("kind"), progress=notes.append)
    told = report.assessment
    assert report.alone == ("alone",)
    assert any(isinstance(note, Note) and "'alone'" in note.text for note in notes)
    assert told.classes == ("blue", "green", "red")
    assert told.accuracy.mean == pytest.approx(1 - len(WRONG) / 93, abs=0.03)
    assert set(report.paths) == set(told.ids.tolist())
    assert report.how
    wrong = told.ids[told.predicted != told.targets]
    assert {Path(report.paths[i] or "").name for i in wrong.tolist()} >= set(WRONG)


def test_copies_are_held_out_together(colours: Collection) -> None:
    from vitrail.service.operations.labels import Learning

    known = Learning(colours, colours.store.snapshot(), LabelOptions("label")).read()
    names = [Path(i.paths[0]).name for i in colours.store.metadata(known.ids.tolist())]
    groups = dict(zip(names, known.groups.tolist(), strict=True))
    for colour in COLOURS:
        assert groups[f"{colour}-copy.png"] == groups[f"{colour}-00.png"]
    assert len(set(groups.values())) <= 90


def test_a_figure_shows_the_confusion(colours: Collection, tmp_path: Path) -> None:
    report = colours.assess_labels("kind")
    figure = report.figure()
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(map(int, texts)) == sorted(
        report.assessment.confusion[report.assessment.confusion > 0].tolist()
    )
    figure.savefig(tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").stat().st_size > 1000


def test_labels_are_drawn_where_there_are_more(colours: Collection) -> None:
    notes: list[Event] = []
    report = assess_labels(colours, LabelOptions("label", sample=20), progress=notes.append)
    assert len(report.assessment.ids) <= 20
    assert any(isinstance(note, Note) and "--sample takes more" in note.text for note in notes)


def test_who_asks_to_stop_is_heard(colours: Collection) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(CancelledError):
        colours.suspect_labels("kind", cancellation=cancellation)
    with pytest.raises(CancelledError):
        colours.assess_labels("kind", cancellation=cancellation)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"sample": 3}, "10 images at least"),
        ({"by": "head"}, "knn or probe"),
        ({"seed": -1}, "give 0 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        LabelOptions("label", **given)  # type: ignore[arg-type]
