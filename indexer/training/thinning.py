"""MLPs of fewer neurons that say what those they were cut out of said, as nearly as they can.

Neurons of a ViT's MLPs tell much of what others tell. So the weights of those that are kept are
fitted anew: by least squares, to what all neurons together added to the tokens of some images, as
OPTQ and its kin fit what quantising leaves. Untaught, a student so made finds as many of the
teacher's neighbours as one of fewer whole blocks, and after some lessons more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import Linear

from vitrail.indexer.training.samples import TrainingImages, drawn
from vitrail.indexer.training.students import keep_neurons, mlp_outputs

if TYPE_CHECKING:
    from vitrail.indexer.training.teaching import Pair

_IMAGES = 128  # whose tokens, some 30,000 of 224 pixels, tell what neurons do
_AT_ONCE = 8
_BYTES = 1 << 30  # of products of neurons, k x k a block
_NOTHING = 1e-12  # share of the most that a neuron tells, below which it tells nothing new
_RIDGE = 1e-3  # of the neurons' mean variance: some are all but sums of others


def thin_mlps(pair: Pair, images: TrainingImages, seed: int) -> None:
    """Fit the thinner MLPs of a student anew; does nothing where it has none.

    Args:
        pair: whose student is changed, in place; nothing of it is learned yet.
        images: as the teacher sees them, to learn from.
        seed: by which some of them are drawn.

    Raises:
        InputError: one of them is gone or broken.
    """
    origin = pair.origin
    if origin is None:
        return
    made = dict(pair.model.named_parameters())
    found = mlp_outputs(origin, pair.teacher)
    ends = {block: end for block, end in found.items() if f"{end}.weight" in made}
    pixels = _pixels(images, seed)
    width = max(origin.get_parameter(f"{end}.weight").shape[1] for end in ends.values())
    size = max(1, _BYTES // (4 * width**2))
    names = list(ends)
    for first in range(0, len(names), size):
        some = {block: ends[block] for block in names[first : first + size]}
        with _watched(origin, some.values()) as seen:
            for part in pixels:
                pair.towers[0].make(part, ())
        for block, end in some.items():
            _fit(pair, origin, block, end, seen[end])


@dataclass(slots=True)
class _Neurons:
    """What the neurons of an MLP were for some tokens.

    Attributes:
        count: of tokens.
        sums: (k,) of the neurons.
        products: (k, k) of each with each.
    """

    sums: Tensor
    products: Tensor
    count: int = 0

    def add(self, values: Tensor) -> None:
        """Take up (..., k) values."""
        rows = values.detach().reshape(-1, len(self.sums)).float()
        self.count += len(rows)
        self.sums += rows.sum(dim=0)
        self.products += rows.T @ rows


@contextmanager
def _watched(model: nn.Module, ends: Iterable[str]) -> Iterator[dict[str, _Neurons]]:
    """What goes into some linear maps while a model is at work, by their names."""
    seen, hooks = {}, []
    for end in ends:
        module: Linear = model.get_submodule(end)  # type: ignore[assignment]
        width = module.in_features
        seen[end] = _Neurons(torch.zeros(width), torch.zeros(width, width))

        def take(_: nn.Module, given: tuple[Tensor, ...], own: _Neurons = seen[end]) -> None:
            own.add(given[0])

        hooks.append(module.register_forward_pre_hook(take))
    try:
        with torch.no_grad():
            yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _fit(pair: Pair, origin: nn.Module, block: str, end: str, seen: _Neurons) -> None:
    weight = origin.get_parameter(f"{end}.weight").detach().float()
    theirs: Linear = origin.get_submodule(end)  # type: ignore[assignment]
    ours: Linear = pair.model.get_submodule(end)  # type: ignore[assignment]
    mean = seen.sums / seen.count
    spread = seen.products / seen.count
    if theirs.bias is not None:  # which takes up what is the same for all tokens
        spread = spread - mean[:, None] * mean[None, :]
    spread = spread.double()
    kept = _telling(spread, weight.norm(dim=0).double(), ours.weight.shape[1])
    own = spread[kept][:, kept]
    own += _RIDGE * own.diagonal().mean().clamp_min(1e-12) * torch.eye(len(kept)).double()
    told = torch.linalg.solve(own, spread[kept]).float()  # all neurons by those kept
    channels = keep_neurons(origin, pair.teacher, pair.model, {block: kept})
    fitted = weight @ told.T
    with torch.no_grad():
        ours.weight.copy_(fitted[channels])
        if theirs.bias is not None:
            left = theirs.bias.detach() + weight @ mean - fitted @ mean[kept]
            ours.bias.copy_(left[channels])


def _telling(spread: Tensor, weights: Tensor, count: int) -> Tensor:
    """Places of the neurons that tell most of all, ascending: a Cholesky factorisation's pivots.

    Each is the one of which those before tell the least, by what it adds to the tokens: of two that
    say the same, one is enough.

    Args:
        spread: (k, k) float64 products of neurons, the mean over tokens.
        weights: (k,) float64 norms of what each adds to the tokens where it is 1.
        count: how many to choose, at most k.
    """
    spread = spread * weights[:, None] * weights[None, :]
    left = spread.diagonal().clone()
    nothing = _NOTHING * left.max()
    known = torch.zeros(count, len(left), dtype=torch.float64)
    chosen: list[int] = []
    for number in range(count):
        place = int(left.argmax())
        chosen.append(place)
        if left[place] > nothing:
            row = spread[place] - known[:number, place] @ known[:number]
            known[number] = row / left[place].sqrt()
            left -= known[number].pow(2)
        left[chosen] = -math.inf
    return torch.tensor(sorted(chosen))


def _pixels(images: TrainingImages, seed: int) -> list[Tensor]:
    count = min(_IMAGES, len(images))
    places = drawn(len(images), 0, count, seed)[0].tolist()
    batches = [places[first : first + _AT_ONCE] for first in range(0, count, _AT_ONCE)]
    return [
        torch.from_numpy(np.stack([images.augmented(place, 0) for place in some]))
        for some in batches
    ]
