"""How a small encoder is taught by a large one: plain values, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitrail.indexer.errors import InputError
from vitrail.indexer.training.learning_options import (
    LearningOptions,
    check_counts,
    check_numbers,
)


@dataclass(frozen=True, slots=True)
class DistillingOptions(LearningOptions):
    """How a student is taught, beside what ``LearningOptions`` tell.

    Attributes:
        space: the teacher's space that the student is to keep, such as ``cls@12``; ``None`` is the
            teacher's default.
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

    Raises:
        InputError: a value that cannot be used, or values that do not go together.
    """

    space: str | None = None
    epochs: int = 20
    vectors: float = 1.0
    relations: float = 1.0
    tokens: float = 0.1
    logits: float = 1.0
    temperature: float = 2.0
    learning_rate: float = 3e-4
    warmup: float = 0.05

    def __post_init__(self) -> None:
        LearningOptions.__post_init__(self)  # what ``super()`` finds is not the class with slots
        check_counts({"batch": self.batch}, 2)
        check_numbers({name: (one, math.inf) for name, one in self.weights.items()})
        check_numbers({"temperature": (self.temperature, 100.0)}, above=True)
        if not any(self.weights.values()):
            raise InputError(
                "vectors, relations, tokens and logits all weigh 0, so nothing is to be learned; "
                "give one of them a weight"
            )
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
