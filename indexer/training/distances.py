"""How far what a student makes is from what its teacher makes: pure, over tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def vector_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """The mean of one less the cosine of (n, d) vectors to (n, d) others."""
    return (1 - functional.cosine_similarity(ours, theirs, dim=-1)).mean()


def relation_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """How differently two encoders see which images are alike (Park et al., 2019; Tung and Mori).

    The mean squared difference of the cosines between images, each in the spread of the teacher's:
    so a teacher whose images all lie close together teaches as much as any other.

    Args:
        ours: (n, d) vectors of the student.
        theirs: (n, e) vectors of the teacher for the same images, of any width.

    Returns:
        A scalar; 0 where there are no two images.
    """
    n = len(ours)
    if n < 2:
        return ours.sum() * 0
    apart = ~torch.eye(n, dtype=torch.bool, device=ours.device)
    mine, hers = (_cosines(one)[apart] for one in (ours, theirs))
    spread = hers.var(unbiased=False).clamp(min=1e-4)
    return ((mine - hers) ** 2).mean() / spread


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


def _cosines(vectors: Tensor) -> Tensor:
    unit = functional.normalize(vectors.float(), dim=-1)
    return unit @ unit.T
