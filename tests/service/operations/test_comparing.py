"""Two sets of a collection compared, over an encoder that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CancelledError, FilterError, InputError
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.comparing import CompareOptions, compare_sets
from vitrail.service.operations.progress import AnalysisProgress, Event, Note
from vitrail.service.operations.set_references import FilteredSet, FolderSet, OtherImages

EACH = 110  # images of a folder
COPIES = 6


def paint(path: Path, seed: int, low: int, high: int) -> None:
    """Four squares of colours within bounds."""
    colours = np.random.default_rng(seed).integers(low, high, (2, 2, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colours.repeat(8, 0).repeat(8, 1)).save(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders: all colours, the same kinds again with copies, dark ones of them alone."""
    folder = tmp_path_factory.mktemp("comparing")
    for number in range(EACH):
        paint(folder / "all" / f"{number}.png", number, 0, 256)
        paint(folder / "again" / f"{number}.png", 1000 + number, 0, 256)
        paint(folder / "narrow" / f"{number}.png", 2000 + number, 100, 140)
    for number in range(COPIES):  # other bytes, the same pixels
        image = Image.open(folder / "all" / f"{number}.png")
        image.save(folder / "again" / f"{number}.png", compress_level=1, dpi=(72, 72))
    for number in range(5):
        paint(folder / "few" / f"{number}.png", 3000 + number, 0, 256)
    CollectionStore.create(folder / "collection", ColourEncoder().fingerprint).close()
    with Collection.open(folder / "collection", encoder=ColourEncoder()) as opened:
        opened.index(folder, options=IndexOptions(label_from="parent", exclude=("collection",)))
    return folder


@pytest.fixture
def collection(made: Path) -> Iterator[Collection]:
    with Collection.open(made / "collection", encoder=ColourEncoder()) as opened:
        yield opened


def labelled(name: str) -> str:
    return f"label = '{name}'"


def test_sets_alike_differ_by_chance_alone_and_their_copies_are_told(
    collection: Collection,
) -> None:
    told = collection.compare(labelled("again"), labelled("all"))
    assert told.images == (EACH, EACH)
    kernel, coverage = (told.whole[name].estimate for name in ("kernel", "coverage"))
    assert kernel
    assert coverage
    assert kernel.low < 0 < kernel.high
    assert coverage.value > 0.85
    assert told.copies == COPIES
    assert told.copies_within == 0
    assert told.scale
    assert told.look_alikes == sum(
        told.scale.closeness(score) == "look-alike" for score in told.scores.tolist()
    )
    assert [pair.closeness for pair in told.pairs[:COPIES]] == ["copy"] * COPIES
    for pair in told.pairs[:COPIES]:
        assert pair.score == pytest.approx(1, abs=1e-5)
        assert Path(pair.a.paths[0]).name == Path(pair.b.paths[0]).name


def test_what_a_narrow_set_lacks_is_found_and_named(collection: Collection) -> None:
    told = collection.compare(labelled("narrow"), labelled("all"))
    kernel, precision, recall = (
        told.whole[name].estimate for name in ("kernel", "precision", "recall")
    )
    assert kernel
    assert precision
    assert recall
    assert kernel.low > 0
    assert recall.value < precision.value
    assert told.uncovered > EACH / 4
    assert sum(group.count for group in told.lacking) == told.uncovered
    assert {name for group in told.lacking for name, _ in group.named} == {"all"}
    assert [group.count for group in told.lacking] == sorted(
        (group.count for group in told.lacking), reverse=True
    )
    back = collection.compare(labelled("all"), labelled("narrow"))
    assert back.whole.found
    assert back.outside == EACH - back.whole.found.held.sum() > 20
    assert not any(one.held for one in back.hurting)
    influences = [one.influence for one in back.hurting]
    assert influences == sorted(influences, reverse=True)


def test_details_agree_with_the_arrays(collection: Collection) -> None:
    told = collection.compare(labelled("again"), labelled("all"), group_by="label")
    ours = collection.store.vectors(told.ids_a.tolist(), next(iter(told.whole.weights)))
    theirs = collection.store.vectors(told.ids_b.tolist(), next(iter(told.whole.weights)))
    cosines = ours @ theirs.T
    assert np.array_equal(told.nearest, told.ids_b[cosines.argmax(axis=1)])
    assert np.allclose(told.scores, cosines.max(axis=1), atol=1e-6)
    assert [(one.value, one.images_a, one.images_b) for one in told.slices] == [
        ("again", EACH, 0),
        ("all", 0, EACH),
    ]
    assert told.slices[0].copies == COPIES
    assert told.slices[1].covered == pytest.approx(1 - told.uncovered / EACH)
    assert told.group_by == "label"


def test_a_folder_is_all_images_below_it(collection: Collection, made: Path) -> None:
    by_folder = collection.compare(made / "again", made / "all")
    by_filter = collection.compare(labelled("again"), labelled("all"))
    assert np.array_equal(by_folder.ids_a, by_filter.ids_a)
    assert by_folder.whole["kernel"] == by_filter.whole["kernel"]
    rest = collection.compare(made / "again")
    assert rest.images == (EACH, 2 * EACH + 5)
    assert rest.b == "all others"


def test_the_same_seed_gives_the_same_numbers(collection: Collection) -> None:
    first, second = (collection.compare(labelled("again")) for _ in range(2))
    assert first.whole.measures == second.whole.measures
    assert first.lacking == second.lacking


def test_large_sets_are_drawn_from_and_it_is_said(collection: Collection) -> None:
    events: list[Event] = []
    told = compare_sets(
        collection,
        FilteredSet(labelled("narrow")),
        OtherImages(),
        CompareOptions(sample=40),
        progress=events.append,
    )
    assert (len(told.ids_a), len(told.ids_b)) == (40, 40)
    assert told.images == (EACH, 2 * EACH + 5)
    notes = [event.text for event in events if isinstance(event, Note)]
    assert "vitrail calibrate" in notes.pop()
    assert notes == [
        "set a: 40 of its 110 images are drawn and compared",
        "set b: 40 of its 225 images are drawn and compared",
    ]
    assert any(isinstance(event, AnalysisProgress) for event in events)
    assert told.whole["precision"].needed == 100


def test_bad_sets_are_refused_with_the_remedy(collection: Collection, made: Path) -> None:
    with pytest.raises(InputError, match=r"5 images are too few to compare; name at least 10"):
        collection.compare(labelled("few"))
    with pytest.raises(InputError, match=r'--b "\(label = \'all\'\) and not \(width > 0\)"'):
        collection.compare("width > 0", labelled("all"))
    with pytest.raises(InputError, match="name sets that have none in common"):
        collection.compare(made / "all", labelled("all"))
    with pytest.raises(InputError, match=r"no image passes the filter of set b \(label = 'al'\)"):
        collection.compare(labelled("again"), labelled("al"))
    with pytest.raises(InputError, match="the filter of set a is empty"):
        collection.compare(" ")
    with pytest.raises(InputError, match=r"holds no image of the folder .* vitrail index"):
        collection.compare(made / "collection")
    with pytest.raises(FilterError, match="nosuch"):
        collection.compare("nosuch = 1")
    with pytest.raises(InputError, match="nosuch"):
        collection.compare(labelled("again"), group_by="nosuch")
    with pytest.raises(InputError, match="gem@9"):
        collection.compare(labelled("again"), spaces={"gem@9": 1})
    with pytest.raises(InputError, match="names no set"):
        collection.compare(7)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="first set is all others"):
        compare_sets(collection, OtherImages(), FolderSet(str(made)))


@pytest.mark.parametrize("given", [{"k": 0}, {"k": 30}, {"sample": 3}, {"shown": 0}, {"seed": -1}])
def test_numbers_that_nothing_can_be_compared_by_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(InputError):
        CompareOptions(**given)  # type: ignore[arg-type]


def test_it_stops_when_asked_to(collection: Collection) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(CancelledError):
        compare_sets(
            collection,
            FilteredSet(labelled("again")),
            OtherImages(),
            cancellation=cancellation,
        )


def test_it_is_drawn_as_a_figure(collection: Collection) -> None:
    pytest.importorskip("matplotlib")
    figure = collection.compare(labelled("again")).plot()
    (axes,) = figure.axes
    assert len(axes.patches) == 96
    assert axes.get_xlabel() == "cosine"
