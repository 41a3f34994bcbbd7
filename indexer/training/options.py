"""How a ViT is fine-tuned: plain values, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from vitrail.indexer.errors import InputError
from vitrail.indexer.training.learning_options import (
    LearningOptions,
    check_counts,
    check_numbers,
    check_word,
)

Objective = Literal["cross-entropy", "contrastive", "both"]


@dataclass(frozen=True, slots=True)
class FinetuningOptions(LearningOptions):
    """How a ViT is fine-tuned, beside what ``LearningOptions`` tell.

    Attributes:
        objective: ``cross-entropy`` teaches the head labels; ``contrastive`` moves images of one
            label together and others apart (supervised contrastive learning); or the sum of both.
        batch: images a step; with ``contrastive``, each image is in it twice, augmented in two
            ways, so that half as many are drawn.
        accumulate: in how many parts a step's images go through the model, to save memory; the
            gradient is that of the whole.
        learning_rate: highest, of the last block.
        head_rate: how many times that is the head's.
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
        balanced: labels count as much as each other, however many images they have.
        seed: of the draws, the augmentation and the head.

    Raises:
        InputError: a value that cannot be used, or values that do not go together.
    """

    objective: Objective = "cross-entropy"
    head_rate: float = 10.0
    layer_decay: float = 0.75
    freeze: int = 0
    head_only: bool = False
    lora: int = 0
    space: str | None = None
    temperature: float = 0.1
    smoothing: float = 0.1
    mixup: float = 0.0
    balanced: bool = False

    FREE: ClassVar[frozenset[str]] = LearningOptions.FREE | {"accumulate"}

    def __post_init__(self) -> None:
        LearningOptions.__post_init__(self)  # what ``super()`` finds is not the class with slots
        check_word("objective", self.objective, get_args(Objective))
        check_counts({"freeze": self.freeze, "lora": self.lora}, 0)
        check_numbers({"smoothing": (self.smoothing, 0.9), "mixup": (self.mixup, 10.0)})
        above = {
            "head_rate": (self.head_rate, 10_000.0),
            "layer_decay": (self.layer_decay, 1.0),
            "temperature": (self.temperature, 10.0),
        }
        check_numbers(above, above=True)
        self._check_together()

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
