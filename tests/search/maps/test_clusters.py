from __future__ import annotations

import numpy as np
import pytest

from tests.search.maps.samples import blobs, unit
from vitrail.search.maps.clusters import ALONE, by_density, by_means, loneliness, typical
from vitrail.search.maps.graph import graph_of
from vitrail.search.maps.layout import principal


def same(found: np.ndarray, kinds: np.ndarray) -> bool:
    return len({*zip(found.tolist(), kinds.tolist(), strict=True)}) == len(set(kinds.tolist()))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_means_find_groups_and_number_them_by_size(count: int) -> None:
    rows, kinds = blobs(count, 15)
    rows, kinds = rows[: len(rows) - 5], kinds[: len(kinds) - 5]
    found = by_means(rows, count)
    assert same(found.members, kinds)
    assert found.count == count
    sizes = np.bincount(found.members)
    assert sizes.tolist() == sorted(sizes, reverse=True)


def test_as_many_clusters_as_images_are_one_each() -> None:
    assert sorted(by_means(unit(7, 5), 7).members.tolist()) == list(range(7))


def test_density_finds_how_many_groups_there_are() -> None:
    pytest.importorskip("sklearn")
    rows, kinds = blobs(3, 30)
    found = by_density(principal(rows, 2), 8)
    assert found.count == 3
    inside = found.members != ALONE
    assert inside.mean() > 0.8
    assert same(found.members[inside], kinds[inside])


def test_groups_are_told_apart_though_one_lies_far_from_all_the_others() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    centres = np.array([[x, y] for x in range(3) for y in range(3)], np.float32)
    near = np.concatenate([centre + rng.normal(0, 0.12, (20, 2)) for centre in centres])
    far = rng.normal(0, 0.1, (12, 2)) + 60
    found = by_density(np.concatenate([near, far]).astype(np.float32), 5)
    assert found.count == 10
    assert len(set(found.members[-12:].tolist())) == 1
    lopsided = np.concatenate([far, rng.normal(0, 0.1, (300, 2))]).astype(np.float32)
    assert by_density(lopsided, 5).count == 2, "a group that has no groups in it stays whole"


def test_too_few_images_are_in_no_cluster() -> None:
    assert set(by_density(np.zeros((5, 2), np.float32), 3).members.tolist()) == {ALONE}


def test_the_typical_images_are_nearest_to_the_mean_of_their_own() -> None:
    rows, kinds = blobs(2, 10)
    best = typical(rows, kinds, 1, 3)
    own = np.flatnonzero(kinds == 1)
    scores = rows[own] @ rows[own].mean(axis=0)
    assert best.tolist() == own[np.argsort(-scores)[:3]].tolist()
    assert len(typical(rows, kinds, 1, 50)) == 10


def test_one_that_lies_apart_is_lonelier_than_all_others_however_dense_their_groups() -> None:
    sklearn = pytest.importorskip("sklearn.neighbors")
    rows, _ = blobs(2, 25)
    odd = np.zeros((1, 16), np.float32)
    odd[0, 9] = 1
    rows = np.concatenate([rows, odd])
    graph = graph_of(rows, 8)
    factors = loneliness(graph)
    assert factors.argmax() == 50
    theirs = sklearn.LocalOutlierFactor(n_neighbors=8).fit(rows)
    np.testing.assert_allclose(factors, -theirs.negative_outlier_factor_, rtol=5e-3)


def test_many_copies_of_an_image_make_none_of_those_round_it_an_outlier() -> None:
    rows, _ = blobs(2, 25)
    rows = np.concatenate([rows, np.repeat(rows[:1], 20, axis=0)])
    factors = loneliness(graph_of(rows, 8))
    assert factors.max() < 12
    assert np.median(factors) == pytest.approx(1, abs=0.2)
    assert loneliness(graph_of(np.repeat(rows[:1], 20, axis=0), 8)).tolist() == [1] * 20
