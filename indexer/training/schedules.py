"""How fast each part of a model learns, and when: pure."""

from __future__ import annotations

import math


def warmup_cosine(step: int, steps: int, warmup: float) -> float:
    """Which share of the highest learning rate a step has.

    It rises in equal steps over the first ``round(warmup * steps)`` steps, the first of which has a
    share above 0, and falls along half a cosine from 1 towards 0, which the step after the last
    would have.

    Args:
        step: from 0.
        steps: of the whole run.
        warmup: share of them, from 0 to 1.
    """
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    passed = (step - rising) / max(1, steps - rising)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, passed)))


def layer_share(layer: int, depth: int, decay: float) -> float:
    """Which share of the learning rate a layer has; its norm and its head have 1.

    Layer-wise decay as of ELECTRA (2020) and BEiT (2021), the last block at the full rate.

    Args:
        layer: 0 for the embeddings, 1..depth for the blocks.
        depth: number of blocks.
        decay: share that each layer has of the rate of the one after it.
    """
    share: float = decay ** (depth - layer)
    return share
