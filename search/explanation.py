"""Pure: why a hit was found, as each space's share of its score and as the patches that match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.spaces import space_of

Floats = NDArray[np.float32]
PAINTED = 256  # pixels of the longest side of a map that is painted
USUAL = 0.92  # quantile of images taken at random; their mean left blank grounds half bright
LEAST_ROOM = 0.1  # of a cosine, to stand out from unrelated images in: blank patches have none
_ROUNDING = 1e-3
STRONG = 0.5  # from where a patch is said to match


@dataclass(frozen=True, slots=True)
class PatchMap:
    """How far the patches of an image match another image's.

    Attributes:
        grid: (gh, gw) float32 in [0, 1], patches row by row from the upper left: 0 where one in
            twelve images taken at random has as near a patch as the other image, 1 where that has
            the same.
        box: (left, top, right, bottom) of the grid in pixels of the upright image; beyond its edges
            where the encoder pads it, within them where it crops.
        size: (width, height) of the upright image in pixels.
    """

    grid: Floats
    box: tuple[float, float, float, float]
    size: tuple[int, int]

    def paint(self, longest: int | None = None, *, smooth: bool = False) -> Floats:
        """The map in the shape of the image: (H, W) float32 in [0, 1], NaN where nothing was seen.

        Args:
            longest: pixels of the longer side of the map; ``None`` for those of the image, or 256
                of a larger one.
            smooth: go over from patch to patch; otherwise each is of one value.
        """
        width, height = self.size
        scale = (longest or min(PAINTED, max(self.size))) / max(self.size)
        left, top, right, bottom = self.box
        rows = _shades(height, scale, (top, bottom), self.grid.shape[0], smooth)
        columns = _shades(width, scale, (left, right), self.grid.shape[1], smooth)
        painted = rows @ self.grid @ columns.T
        return painted.astype(np.float32)

    @property
    def share(self) -> float:
        """The share (0 to 1) of the patches that match well."""
        return float(np.mean(self.grid >= STRONG))


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one hit was found.

    Attributes:
        id: of the hit's image.
        shares: space name -> weight times cosine; they sum to the hit's score, where need be with
            what ``negatives`` take from it.
        query: what of the query's image matches the hit; ``None`` where it was not compared.
        hit: what of the hit matches the query's image.
        image: which of the query's images that is, from 0: the one that matches most.
        reason: where patches were not compared, why, in a sentence; empty where they were.
    """

    id: int
    shares: dict[str, float]
    query: PatchMap | None = None
    hit: PatchMap | None = None
    image: int = 0
    reason: str = ""

    @property
    def query_map(self) -> Floats | None:
        """(H, W) float32 in [0, 1] in the shape of the query's image; see ``PatchMap.paint``."""
        return None if self.query is None else self.query.paint()

    @property
    def hit_map(self) -> Floats | None:
        """(H, W) float32 in [0, 1] in the shape of the hit's image; see ``PatchMap.paint``."""
        return None if self.hit is None else self.hit.paint()


def shares_of(
    score: float, scores: Mapping[str, float], weights: Mapping[str, float]
) -> dict[str, float]:
    """Each space's share of a score: its weight times its cosine.

    By the strategy best-score a hit that is nearer to a negative image has 2 less than these make;
    that is the share of ``negatives``.
    """
    shares = {space: weight * scores[space] for space, weight in weights.items()}
    rest = score - sum(shares.values())
    return shares if abs(rest) < _ROUNDING else {**shares, "negatives": rest}


def layer_weights(weights: Mapping[str, float]) -> dict[int, float]:
    """What the spaces of each layer weigh together; a derived space is of its base's layer."""
    layers: dict[int, float] = {}
    for space, weight in weights.items():
        layer = space_of(space.partition("/")[0], 1).layer
        layers[layer] = layers.get(layer, 0.0) + weight
    return layers


def match_patches(query: Floats, hit: Floats, unrelated: Sequence[Floats]) -> tuple[Floats, Floats]:
    """How far each patch of two images matches the other image, each in [0, 1].

    A patch's best cosine to the other image means little by itself: patches are alike wherever they
    are of the same place, blank, or of the kind that the layer sees everywhere. So it is held
    against the best cosines to images taken at random: what one in twelve of these reaches is 0
    here, and 1 stays 1. Their mean token is taken away first.

    Args:
        query: (gh, gw, dim) float32 tokens.
        hit: as ``query``, of any grid.
        unrelated: tokens of images taken at random; without any the cosines are shown as they are.

    Returns:
        Maps of the query and of the hit, (gh, gw) float32.
    """
    centre = _mean_token(unrelated)
    ours, theirs = _directions(query, centre), _directions(hit, centre)
    others = [_directions(one, centre) for one in unrelated]
    return (
        _standing_out(ours, theirs, others).reshape(query.shape[:2]),
        _standing_out(theirs, ours, others).reshape(hit.shape[:2]),
    )


def _standing_out(rows: Floats, other: Floats, unrelated: Sequence[Floats]) -> Floats:
    """(p, dim) directions to (p,) float32: how far the best match with another image stands out."""
    best = _best(rows, other)
    usual = np.zeros_like(best)
    if unrelated:
        reached = np.stack([_best(rows, one) for one in unrelated])
        usual = np.quantile(reached, USUAL, axis=0).astype(np.float32)
    room = np.maximum(1 - usual, LEAST_ROOM)
    clipped: Floats = np.clip((best - usual) / room, 0, 1).astype(np.float32)
    return clipped


def _best(rows: Floats, other: Floats) -> Floats:
    best: Floats = (rows @ other.T).max(axis=1)
    return best


def _mean_token(images: Sequence[Floats]) -> Floats | float:
    if not images:
        return 0.0
    mean: Floats = np.concatenate([one.reshape(-1, one.shape[-1]) for one in images]).mean(axis=0)
    return mean


def _directions(tokens: Floats, centre: Floats | float) -> Floats:
    """(gh, gw, dim) tokens to (gh gw, dim) unit rows; what has no direction stays zero."""
    rows = tokens.reshape(-1, tokens.shape[-1]) - centre
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Floats = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
    return units


def _shades(
    length: int, scale: float, span: tuple[float, float], patches: int, smooth: bool
) -> Floats:
    """(painted, patches) how much each painted pixel has of each patch; NaN where of none.

    Args:
        length: of the image, in its own pixels.
        scale: painted pixels to one of these.
        span: where patches begin and end, in these.
        patches: how many there are.
        smooth: whether a pixel has of two.
    """
    painted = max(1, round(length * scale))
    middles = (np.arange(painted) + 0.5) * length / painted
    places = (middles - span[0]) / (span[1] - span[0]) * patches
    within = (places >= 0) & (places < patches)
    centres = np.clip(places - 0.5, 0, patches - 1) if smooth else np.floor(places)
    distances = np.abs(centres[:, None] - np.arange(patches))
    shades: Floats = np.where(within[:, None], np.maximum(1 - distances, 0), np.nan)
    return shades.astype(np.float32)
