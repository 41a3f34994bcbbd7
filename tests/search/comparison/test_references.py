"""Our measures agree with their authors' code, and with scipy and torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from prdc import compute_prdc
from scipy.linalg import sqrtm
from torchmetrics.image.kid import poly_mmd

from vitrail.search.comparison.frechet import FeatureMoments, frechet_distance
from vitrail.search.comparison.kernel import kernel_sums
from vitrail.search.comparison.manifold import manifolds, measure
from vitrail.search.comparison.vendi import vendi_score

Doubles = NDArray[np.float64]
CLOSE = 1e-3  # relative


def sets(n: int, m: int, dim: int = 24, seed: int = 0) -> tuple[Doubles, Doubles]:
    """Unit rows around a common direction, the second set wider and moved."""
    random = np.random.default_rng(seed)
    a = random.standard_normal((n, dim)) * 0.5 + np.eye(dim)[0]
    b = random.standard_normal((m, dim)) * 0.6 + np.eye(dim)[0] + 0.3 * np.eye(dim)[1]
    return tuple(x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("k", [1, 3, 5])
def test_shares_are_those_of_prdc(seed: int, k: int) -> None:
    a, b = sets(150, 150, seed=seed)
    ours = measure(a, b, k, rounds=1)
    theirs = compute_prdc(b.astype(np.float32), a.astype(np.float32), k)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(ours, name).value == pytest.approx(theirs[name], rel=CLOSE), name


def test_prdc_rejects_a_copy_of_an_image_that_is_there_often_and_we_do_not() -> None:
    _, b = sets(60, 60)
    repeated = np.concatenate([np.repeat(b[:1], 8, axis=0), b[1:]])
    copies = repeated[:8]
    padded = np.concatenate([copies, copies])
    assert compute_prdc(repeated, padded, 5)["precision"] == 0
    assert manifolds(padded, repeated, 5).held.all()


@pytest.mark.parametrize("seed", range(4))
def test_the_kernel_distance_is_torchmetrics(seed: int) -> None:
    a, b = sets(120, 120, seed=seed)
    wide_a, wide_b = (torch.from_numpy(x * np.sqrt(x.shape[1])) for x in (a, b))
    theirs = float(poly_mmd(wide_a, wide_b))
    assert kernel_sums(a, b).distance == pytest.approx(theirs, rel=CLOSE)


@pytest.mark.parametrize(("n", "m"), [(200, 200), (40, 300), (15, 18)])
def test_the_frechet_distance_is_that_by_scipys_root(n: int, m: int) -> None:
    a, b = sets(n, m)
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(ca @ cb)
    apart = np.sum((a.mean(0) - b.mean(0)) ** 2)
    theirs = float(apart + np.trace(ca) + np.trace(cb) - 2 * np.trace(root.real))
    assert frechet_distance(FeatureMoments(a), FeatureMoments(b)) == pytest.approx(
        theirs, rel=CLOSE
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of its ways into scipy
@pytest.mark.parametrize("n", [10, 100])
def test_the_vendi_score_is_its_authors(n: int) -> None:
    from vendi_score import vendi

    a, _ = sets(n, 10)
    assert vendi_score(a) == pytest.approx(vendi.score_dual(a), rel=CLOSE)
    assert vendi_score(a) == pytest.approx(vendi.score_K(a @ a.T), rel=CLOSE)
