"""Programs tell errors apart by codes: whatever an operation refuses has the code of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import ColourEncoder
from tests.service.conftest import Once
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import VitrailError
from vitrail.search.listing import ListOptions
from vitrail.search.options import SearchOptions
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.indexing import index
from vitrail.service.operations.lineage import trace_lineage
from vitrail.service.operations.listing import count_images, list_images
from vitrail.service.operations.maintaining import export, tidy
from vitrail.service.operations.query_kinds import ImageQuery
from vitrail.service.operations.references import ContentHash, ImageBytes, ImageId, IndexedPath
from vitrail.service.operations.removing import remove
from vitrail.service.operations.reproducing import reproduce
from vitrail.service.operations.searching import search

UNUSABLE_FILTERS = ("", " ", "1; DROP TABLE images", "nope = 1", "((", "width > 'a'")
NOBODY = (ImageId(99), IndexedPath("no.png"), IndexedPath("/no.png"), ContentHash("abcdef01"))


@pytest.fixture
def collection(tmp_path: Path, once: Once) -> Iterator[Collection]:
    Image.new("RGB", (16, 16), (255, 0, 0)).save(tmp_path / "red.png")

    def make() -> None:
        CollectionStore.create(tmp_path / "collection", ColourEncoder().fingerprint).close()
        with Collection.open(tmp_path / "collection", encoder=ColourEncoder()) as opened:
            opened.index(tmp_path / "red.png")

    once("red", make)
    with Collection.open(tmp_path / "collection", encoder=ColourEncoder()) as opened:
        yield opened


def code(act: Callable[[], object]) -> str:
    with pytest.raises(VitrailError) as raised:
        act()
    return raised.value.code


def home(collection: Collection) -> Path:
    return Path(collection.store.directory)


@pytest.mark.parametrize("where", UNUSABLE_FILTERS)
def test_an_unusable_filter_is_a_bad_filter_wherever_it_is_given(
    collection: Collection, where: str, tmp_path: Path
) -> None:
    red, store, options = ImageQuery(ImageId(1)), collection.store, ListOptions(where=where)
    for act in (
        lambda: search(collection, red, SearchOptions(where=where)),
        lambda: collection.similar(1, where=where),
        lambda: [*list_images(store, options)],
        lambda: [*list_images(store, ListOptions(where=where, sample=1))],
        lambda: count_images(store, options),
    ):
        assert code(act) == "bad-filter"
    if where.strip():
        assert code(lambda: export(store, tmp_path / "a.csv", where)) == "bad-filter"


@pytest.mark.parametrize("image", NOBODY, ids=str)
def test_what_names_no_image_is_not_found(
    collection: Collection, image: ImageId | IndexedPath | ContentHash
) -> None:
    for act in (
        lambda: search(collection, ImageQuery(image)),
        lambda: trace_lineage(collection.store, image),
        lambda: reproduce(collection, image),
        lambda: remove(home(collection), [image]),
    ):
        assert code(act) == "not-found"


@pytest.mark.parametrize("warm", [False, True])
def test_an_unknown_id_is_not_found_below_too(collection: Collection, warm: bool) -> None:
    store = collection.store
    if warm:
        store.warm()
    (space,) = store.spaces
    for act in (
        lambda: collection.similar(99),
        lambda: store.metadata([1, 99]),
        lambda: store.vectors([99], space),
        lambda: store.resolve("nothing"),
    ):
        assert code(act) == "not-found"
    with CollectionStore.open(store.directory, writable=True) as writer:
        assert code(lambda: writer.remove([99])) == "not-found"


def test_other_refusals_have_codes_of_their_own(collection: Collection, tmp_path: Path) -> None:
    here, nowhere = home(collection), tmp_path / "nowhere"
    assert code(lambda: index(here, [str(tmp_path / "no")])) == "bad-input"
    assert code(lambda: search(collection, ImageQuery(ImageBytes(b"no image")))) == "unusable-image"
    assert code(lambda: tidy(nowhere)) == "collection"
    with CollectionStore.open(here, writable=True):
        assert code(lambda: tidy(here)) == "locked"
