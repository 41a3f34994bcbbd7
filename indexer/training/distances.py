"""How far what a student makes is from what its teacher makes: pure, over tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_SOFTNESS = 0.5  # spreads by which a likeness has to be larger to count e times as much
_EVEN = 1e-8  # spread, squared, below which cosines are all the same


def vector_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """The mean of one less the cosine of (n, d) vectors to (n, d) others."""
    return (1 - functional.cosine_similarity(ours, theirs, dim=-1)).mean()


def relation_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """How differently two encoders see which images are alike (CompRess, 2020; SEED, 2021).

    Each image asks all others which of them are like it. Its cosines to these, less their mean and
    in their own spread, are softened to shares; the divergence of the student's shares from the
    teacher's is what is learned from. So only what decides the order counts, and the nearest most:
    not how alike an encoder finds images altogether, which differs from layer to layer.

    Args:
        ours: (n, d) vectors of the student.
        theirs: (n, e) vectors of the teacher for the same images, of any width.

    Returns:
        A scalar; 0 where there are no three images.
    """
    if len(ours) < 3:
        return ours.sum() * 0
    mine, hers = (
        functional.log_softmax(_standing(one) / _SOFTNESS, dim=-1) for one in (ours, theirs)
    )
    divergence = functional.kl_div(mine, hers, reduction="batchmean", log_target=True)
    return divergence * _SOFTNESS**2


def token_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """The mean squared difference of (n, t, d) tokens to (n, t, d) others, each of them normalised.

    Blocks scale their tokens as they like, since the next one normalises them: so does this.
    """
    width = (ours.shape[-1],)
    mine, hers = (functional.layer_norm(one.float(), width) for one in (ours, theirs))
    return ((mine - hers) ** 2).mean()


def answer_distance(ours: Tensor, theirs: Tensor, temperature: float) -> Tensor:
    """The divergence of a head's softened answers from another's (Hinton et al., 2015).

    Args:
        ours: (n, c) logits of the student.
        theirs: (n, c) logits of the teacher.
        temperature: divides both; the result is multiplied by its square, so that gradients are of
            the same size whatever it is.
    """
    mine = functional.log_softmax(ours / temperature, dim=-1)
    hers = functional.log_softmax(theirs / temperature, dim=-1)
    divergence = functional.kl_div(mine, hers, reduction="batchmean", log_target=True)
    return divergence * temperature**2


def _standing(vectors: Tensor) -> Tensor:
    """(n, n - 1) cosines of each of n to all others, by row of mean 0 and spread 1."""
    unit, n = functional.normalize(vectors.float(), dim=-1), len(vectors)
    apart = ~torch.eye(n, dtype=torch.bool, device=vectors.device)
    cosines = (unit @ unit.T)[apart].reshape(n, n - 1)
    middle = cosines - cosines.mean(dim=-1, keepdim=True)
    # Of a row whose cosines are all the same the root's slope would be endless.
    spread = (middle.square().mean(dim=-1, keepdim=True) + _EVEN).sqrt()
    return middle / spread
