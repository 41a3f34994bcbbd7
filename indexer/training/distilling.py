"""How a small encoder is taught by a large one: plain values, checked."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, get_args

from vitrail.indexer.encoders.settings import check_placement
from vitrail.indexer.errors import InputError
from vitrail.indexer.training.options import Augmentation

# What a run may go on with otherwise than it began.
_FREE = {"device", "recompute", "workers", "save_every", "log_every"}


@dataclass(frozen=True, slots=True)
class DistillingOptions:
    """How a student is taught.

    Attributes:
        space: the teacher's space that the student is to keep, such as ``cls@12``; ``None`` is the
            teacher's default.
        epochs: how often all images are seen.
        batch: images a step; likenesses are those between the images of a batch.
        accumulate: in how many parts a step's images go through the models, to save memory;
            likenesses are then those within a part.
        vectors: weight of how far the student's vectors are from the teacher's.
        relations: weight of how far its likenesses between images are from the teacher's.
        tokens: weight of how far the tokens of its blocks are from those of the teacher's blocks
            that they stand for.
        logits: weight of how far what its head says is from what the teacher's says; without
            effect where the teacher has no head.
        temperature: by which the heads' answers are softened.
        learning_rate: highest.
        weight_decay: of AdamW; biases, norms and other vectors have none.
        warmup: share of the steps in which the rate rises; it falls by a cosine afterwards.
        augmentation: how much each image is cropped, mirrored and recoloured anew each time.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        recompute: forget activations and work them out again on the way back, to save memory.
        clip: norm that gradients are cut to.
        patience: evaluations without anything better after which training ends; 0 for never.
        save_every: steps between two checkpoints, beside those after each evaluation.
        log_every: steps between two lines of metrics.
        workers: threads that read and augment images.
        seed: of the draws and the augmentation.

    Raises:
        InputError: a value that cannot be used, or values that do not go together.
    """

    space: str | None = None
    epochs: int = 20
    batch: int = 32
    accumulate: int = 1
    vectors: float = 1.0
    relations: float = 1.0
    tokens: float = 0.1
    logits: float = 1.0
    temperature: float = 2.0
    learning_rate: float = 3e-4
    weight_decay: float = 0.05
    warmup: float = 0.05
    augmentation: Augmentation = "light"
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
        if self.augmentation not in get_args(Augmentation):
            known = ", ".join(get_args(Augmentation))
            raise InputError(f"augmentation {self.augmentation!r} is unknown; use one of {known}")
        counts = {
            "epochs": (self.epochs, 1),
            "batch": (self.batch, 2),
            "accumulate": (self.accumulate, 1),
            "save_every": (self.save_every, 1),
            "log_every": (self.log_every, 1),
            "workers": (self.workers, 1),
            "patience": (self.patience, 0),
            "seed": (self.seed, 0),
        }
        for name, (value, least) in counts.items():
            if value < least:
                raise InputError(f"{name} is {value}; give {least} or more")
        self._check_numbers()

    def _check_numbers(self) -> None:
        for name, value in {**self.weights, "weight_decay": self.weight_decay}.items():
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} is {value}; give a number from 0")
        if not any(self.weights.values()):
            raise InputError(
                "vectors, relations, tokens and logits all weigh 0, so nothing is to be learned; "
                "give one of them a weight"
            )
        if not 0 < self.learning_rate <= 10 or not 0 < self.temperature <= 100 or self.clip <= 0:
            raise InputError(
                f"learning_rate is {self.learning_rate}, temperature {self.temperature} and clip "
                f"{self.clip}; give numbers above 0, to 10, to 100 and of any size"
            )
        if not 0 <= self.warmup <= 1:
            raise InputError(f"warmup is {self.warmup}; give a share from 0 to 1")
        if self.accumulate * 2 > self.batch:
            raise InputError(
                f"a batch of {self.batch} in {self.accumulate} parts leaves no two images in one, "
                f"whose likeness could be learned; accumulate at most {self.batch // 2}"
            )

    @property
    def weights(self) -> dict[str, float]:
        """What each part of the loss weighs, by name."""
        return {
            "vectors": self.vectors,
            "relations": self.relations,
            "tokens": self.tokens,
            "logits": self.logits,
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return asdict(self)

    def differences(self, other: dict[str, Any]) -> list[str]:
        """Names of what another run had otherwise, and what may not change when it goes on."""
        own = self.to_dict()
        return [name for name in own if name not in _FREE and other.get(name) != own[name]]
