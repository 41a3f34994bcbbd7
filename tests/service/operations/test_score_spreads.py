"""How all images score: what a search would say of each, or of a sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.collection.store import CollectionStore
from vitrail.search.options import Fusion, SearchOptions
from vitrail.service.operations import score_spreads
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.query_kinds import AnyQuery, ImageQuery, MixedQuery
from vitrail.service.operations.references import ImageId
from vitrail.service.operations.score_spreads import spread_scores
from vitrail.service.operations.searching import search

COUNT = 40


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    home = tmp_path_factory.mktemp("spread")
    rng = np.random.default_rng(4)
    for number in range(COUNT):
        pixels = rng.integers(0, 256, (8, 8 + number, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(home / f"{number}.png")
    CollectionStore.create(home / "c", ColourEncoder().fingerprint).close()
    with Collection.open(home / "c", encoder=ColourEncoder()) as opened:
        opened.index(home)
        yield opened


ONE = ImageQuery(ImageId(3))
SEVERAL = MixedQuery((ONE, ImageQuery(ImageId(5))), (ImageQuery(ImageId(7)),))


@pytest.mark.parametrize("query", [ONE, SEVERAL])
@pytest.mark.parametrize("fusion", ["mean", "best-score"])
@pytest.mark.parametrize("where", [None, "width > 20"])
def test_each_image_scores_as_in_a_search(
    collection: Collection, query: AnyQuery, fusion: Fusion, where: str | None
) -> None:
    options = SearchOptions(k=100, fusion=fusion, where=where)
    hits = search(collection, query, options).result.hits
    cut = SearchOptions(k=1, fusion=fusion, where=where, min_score=0.5)
    found = spread_scores(collection, query, cut)
    assert found.images == len(found.scores) == len(hits)
    assert np.allclose(np.sort(found.scores)[::-1], [hit.score for hit in hits], atol=1e-6)
    assert found.origin is not None
    assert found.origin.commit == collection.store.snapshot().state.seq


def test_of_many_a_sample_is_looked_at(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_spreads, "MOST", 10)
    every = {hit.score for hit in search(collection, ONE, SearchOptions(k=100)).result.hits}
    found = spread_scores(collection, ONE)
    assert (len(found.scores), found.images) == (10, COUNT - 1)
    assert np.isclose(found.scores[:, None], sorted(every)).any(axis=1).all()
    assert np.array_equal(found.scores, spread_scores(collection, ONE).scores)


def test_where_nothing_passes_there_are_no_scores(collection: Collection) -> None:
    found = spread_scores(collection, ONE, SearchOptions(where="width > 4000"))
    assert (len(found.scores), found.images) == (0, 0)
