"""What is minimised: cross-entropy with soft targets, and supervised contrastive learning."""

from __future__ import annotations

import torch
from torch import Tensor


def soft_targets(targets: Tensor, classes: int, smoothing: float = 0.0) -> Tensor:
    """Labels as shares, (n, classes) float32, each row's sum 1.

    Args:
        targets: (n,) int64.
        classes: how many labels there are.
        smoothing: share that is spread over all labels equally.
    """
    shares = torch.full((len(targets), classes), smoothing / classes, device=targets.device)
    own = torch.full((len(targets), 1), 1 - smoothing, device=targets.device)
    return shares.scatter_add_(1, targets[:, None], own)


def balanced_weights(counts: Tensor) -> Tensor:
    """What an image of each label counts, (c,) float32, so that all labels count alike; mean 1.

    Args:
        counts: (c,) images of each label; a label without any counts nothing.
    """
    there = counts.float()
    weights = torch.where(there > 0, there.sum() / there.clamp(min=1), torch.zeros_like(there))
    return weights * there.sum() / (weights * there).sum()


def image_weights(shares: Tensor, weights: Tensor) -> Tensor:
    """What each image counts, (n,), by its (n, c) shares and what its labels (c,) count."""
    return shares @ weights


def cross_entropy(logits: Tensor, shares: Tensor, weights: Tensor, total: Tensor | float) -> Tensor:
    """The cross-entropy of images, summed by what they count and divided by ``total``.

    With the whole batch's sum of weights as ``total``, the parts of a batch add up to the mean of
    all of it, however unequal they are.

    Args:
        logits: (n, c).
        shares: (n, c) targets, each row's sum 1.
        weights: (n,) what each image counts.
        total: sum of the weights of the whole batch.
    """
    logs = torch.log_softmax(logits.float(), dim=-1)
    return -((logs * shares).sum(dim=-1) * weights).sum() / total


def contrastive(vectors: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """The supervised contrastive loss, L_out of Khosla et al. (2020), over one batch.

    Each image's likelihood of its batch mates of the same label among all mates, by their cosines.
    Images without such a mate are asked nothing.

    Args:
        vectors: (n, d) unit rows.
        targets: (n,) int64 labels.
        temperature: by which cosines are divided.
    """
    with torch.autocast(vectors.device.type, enabled=False):  # 8 bits would tell no cosines apart
        scores = vectors.float() @ vectors.float().T / temperature
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    logs = scores - torch.logsumexp(scores.masked_fill(itself, -torch.inf), dim=1, keepdim=True)
    mates = (targets[:, None] == targets[None, :]) & ~itself
    count = mates.sum(dim=1)
    mean = torch.where(mates, logs, torch.zeros_like(logs)).sum(dim=1) / count.clamp(min=1)
    asked = count > 0
    if not bool(asked.any()):
        return vectors.sum() * 0.0
    return -mean[asked].mean()
