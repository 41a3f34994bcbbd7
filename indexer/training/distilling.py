"""How a small encoder is taught by a large one: plain values, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from vitrail.indexer.errors import InputError
from vitrail.indexer.training.learning_options import (
    LearningOptions,
    check_counts,
    check_numbers,
)

_FEWEST = 3  # images of which one can be more like another than the third is
_VECTORS, _TOKENS = 1.0, 0.1  # weights where nothing else is said


@dataclass(frozen=True, slots=True)
class DistillingOptions(LearningOptions):
    """How a student is taught, beside what ``LearningOptions`` tell.

    Attributes:
        space: the teacher's space that the student is to keep, such as ``cls@12``; ``None`` is the
            teacher's default.
        batch: images a step; likenesses are those between the images of a batch.
        accumulate: in how many parts a step's images go through the models, to save memory;
            likenesses are then those within a part.
        vectors: weight of how far the student's vectors are from the teacher's; ``None`` for what
            is usual, which is 0 for a student of the teacher's first blocks.
        relations: weight of how far its likenesses between images are from the teacher's.
        tokens: weight of how far the tokens of its blocks are from those of the teacher's blocks
            that they stand for; ``None`` likewise.
        logits: weight of how far what its head says is from what the teacher's says; without
            effect where the teacher has no head.
        temperature: by which the heads' answers are softened.
        coarse: share of the steps, the first ones, in which both see images at half their side. A
            step takes about two fifths of the time then, so that more images are learned from.

    Raises:
        InputError: a value that cannot be used, or values that do not go together.
    """

    space: str | None = None
    epochs: int = 20
    vectors: float | None = None
    relations: float = 1.0
    tokens: float | None = None
    logits: float = 1.0
    temperature: float = 2.0
    coarse: float = 0.0
    learning_rate: float = 1e-4

    SMALLER: ClassVar[str] = "a higher --accumulate or a smaller --batch"

    def __post_init__(self) -> None:
        LearningOptions.__post_init__(self)  # what ``super()`` finds is not the class with slots
        check_counts({"batch": self.batch}, _FEWEST)
        check_numbers({"coarse": (self.coarse, 1.0)})
        check_numbers({name: (one, math.inf) for name, one in self.weights.items()})
        check_numbers({"temperature": (self.temperature, 100.0)}, above=True)
        if not any(self.weights.values()):
            raise InputError(
                "vectors, relations, tokens and logits all weigh 0, so nothing is to be learned; "
                "give one of them a weight"
            )
        if self.accumulate * _FEWEST > self.batch:
            raise InputError(
                f"a batch of {self.batch} in {self.accumulate} parts leaves no three images in "
                "one, of which it could be learned which are alike; accumulate at most "
                f"{self.batch // _FEWEST}"
            )

    @property
    def weights(self) -> dict[str, float]:
        """What each part of the loss weighs, by name."""
        return {
            "vectors": _VECTORS if self.vectors is None else self.vectors,
            "relations": self.relations,
            "tokens": _TOKENS if self.tokens is None else self.tokens,
            "logits": self.logits,
        }

    def settled(self, *, shortened: bool, headed: bool) -> DistillingOptions:
        """The same with all weights said; that of logits is 0 without a head.

        Blocks and vectors of a student that is its teacher's first blocks are good ones of earlier
        layers: whoever pulls them to later ones at once takes them apart before they are those.

        Args:
            shortened: whether the student is of the teacher's first blocks.
            headed: whether both have a head.

        Raises:
            InputError: nothing is to be learned then.
        """
        usual = (0.0, 0.0) if shortened else (_VECTORS, _TOKENS)
        vectors, tokens = (
            one if said is None else said
            for said, one in zip((self.vectors, self.tokens), usual, strict=True)
        )
        logits = self.logits if headed else 0.0
        if not any((vectors, self.relations, tokens, logits)):
            raise InputError(
                "nothing is left to be learned: relations weighs 0, logits say nothing without a "
                "head, and of a student of the teacher's first blocks vectors and tokens weigh 0 "
                "where nothing is said; give --relations, --vectors or --tokens a weight"
            )
        return replace(self, vectors=vectors, tokens=tokens, logits=logits)
