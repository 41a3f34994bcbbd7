"""How a ViT is fine-tuned: plain values, checked."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from vitrail.indexer.encoders.settings import check_placement
from vitrail.indexer.errors import InputError

Objective = Literal["cross-entropy", "contrastive", "both"]
Augmentation = Literal["none", "light", "strong"]
# What a run may go on with otherwise than it began: nothing of it changes what is computed, but
# for the last bits of sums.
_FREE = {"accumulate", "device", "recompute", "workers", "save_every", "log_every"}


@dataclass(frozen=True, slots=True)
class FinetuningOptions:
    """How a ViT is fine-tuned.

    Attributes:
        objective: ``cross-entropy`` teaches the head labels; ``contrastive`` moves images of one
            label together and others apart (supervised contrastive learning); or the sum of both.
        epochs: how often all training images are seen.
        batch: images a step; with ``contrastive``, each image is in it twice, augmented in two
            ways, so that half as many are drawn.
        accumulate: in how many parts a step's images go through the model, to save memory; the
            gradient is that of the whole.
        learning_rate: highest, of the last block.
        head_rate: how many times that is the head's.
        weight_decay: of AdamW; biases, norms and other vectors have none.
        warmup: share of the steps in which the rate rises; it falls by a cosine afterwards.
        layer_decay: each block has this share of the rate of the one after it; 1 for the same.
        freeze: blocks that stay as they are, from the first on, and with them the embeddings;
            0 trains all.
        head_only: only the head learns.
        lora: rank of low-rank weights that are learned in the place of the blocks' own, into
            which they are merged in the end; 0 for none.
        space: pooled tokens on which ``contrastive`` acts, such as ``cls@12``; ``None`` is the
            checkpoint family's usual space.
        temperature: of ``contrastive``.
        smoothing: share of each target that is spread over all labels.
        mixup: Beta parameter of the shares by which images and targets are mixed; 0 for none.
        augmentation: how much each image is cropped, mirrored and recoloured anew each time.
        balanced: labels count as much as each other, however many images they have.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        recompute: forget activations and work them out again on the way back, to save memory.
        clip: norm that gradients are cut to.
        patience: evaluations without anything better after which training ends; 0 for never.
        save_every: steps between two checkpoints, beside those after each evaluation.
        log_every: steps between two lines of metrics.
        workers: threads that read and augment images.
        seed: of the draws, the augmentation and the head.

    Raises:
        InputError: a value that cannot be used, or values that do not go together.
    """

    objective: Objective = "cross-entropy"
    epochs: int = 10
    batch: int = 32
    accumulate: int = 1
    learning_rate: float = 1e-4
    head_rate: float = 10.0
    weight_decay: float = 0.05
    warmup: float = 0.1
    layer_decay: float = 0.75
    freeze: int = 0
    head_only: bool = False
    lora: int = 0
    space: str | None = None
    temperature: float = 0.1
    smoothing: float = 0.1
    mixup: float = 0.0
    augmentation: Augmentation = "light"
    balanced: bool = False
    precision: str = "auto"
    device: str = "auto"
    recompute: bool = False
    clip: float = 1.0
    patience: int = 0
    save_every: int = 100
    log_every: int = 10
    workers: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        check_placement(self.device, self.precision)
        _check_word("objective", self.objective, get_args(Objective))
        _check_word("augmentation", self.augmentation, get_args(Augmentation))
        for name in ("epochs", "batch", "accumulate", "save_every", "log_every", "workers"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give 1 or more")
        for name in ("freeze", "lora", "patience", "seed"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}; give 0 or more")
        self._check_numbers()
        self._check_together()

    def _check_numbers(self) -> None:
        for name, most in _LIMITS.items():
            value = getattr(self, name)
            above = value > 0 or name in _MAY_BE_ZERO
            if not math.isfinite(value) or value < 0 or not above or value > most:
                least = "0" if name in _MAY_BE_ZERO else "above 0"
                raise InputError(f"{name} is {value}; give a number from {least} to {most:g}")

    def _check_together(self) -> None:
        if self.accumulate > self.batch:
            raise InputError(
                f"a batch of {self.batch} cannot go in {self.accumulate} parts; accumulate at most "
                f"{self.batch}"
            )
        if self.contrasts and self.mixup:
            raise InputError(
                "mixed images have no one label to be moved to: mixup goes with the objective "
                "cross-entropy alone"
            )
        if self.contrasts and self.batch < 4:
            raise InputError(
                f"a batch of {self.batch} has too few images to tell apart; give 4 or more"
            )
        if self.head_only and (self.lora or self.freeze or self.objective != "cross-entropy"):
            raise InputError(
                "where only the head learns, no block does: leave out freeze and lora, and take "
                "the objective cross-entropy"
            )

    @property
    def contrasts(self) -> bool:
        """Whether images of one label are moved together."""
        return self.objective != "cross-entropy"

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return asdict(self)

    def differences(self, other: dict[str, Any]) -> list[str]:
        """Names of what another run had otherwise, and what may not change when it goes on."""
        own = self.to_dict()
        return [name for name in own if name not in _FREE and other.get(name) != own[name]]


_LIMITS = {
    "learning_rate": 10.0,
    "head_rate": 10_000.0,
    "weight_decay": 10.0,
    "warmup": 1.0,
    "layer_decay": 1.0,
    "temperature": 10.0,
    "smoothing": 0.9,
    "mixup": 10.0,
    "clip": 1e6,
}
_MAY_BE_ZERO = {"weight_decay", "warmup", "smoothing", "mixup"}


def _check_word(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise InputError(f"{name} {given!r} is unknown; use one of {', '.join(known)}")
