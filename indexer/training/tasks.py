"""What a training is: a task that the loop works on, how long, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from vitrail.indexer.training.learning_options import LearningOptions, lighter_step


class LossPart(NamedTuple):
    """A part of a step.

    Attributes:
        loss: to go back from; the parts of a step add up to what the whole would give.
        told: the share of the step's loss, as it is told.
    """

    loss: Tensor
    told: float


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """Parameters that learn alike.

    Attributes:
        name: of the layer, for people.
        parameters: that learn.
        share: of the learning rate.
        decays: whether they have weight decay.
    """

    name: str
    parameters: tuple[torch.nn.Parameter, ...]
    share: float
    decays: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good a model is.

    Attributes:
        value: by which states are compared; more is better.
        told: measures by name.
    """

    value: float
    told: dict[str, float]


class TrainingTask(Protocol):
    """What is learned."""

    def to(self, device: torch.device) -> None:
        """Move all that is needed to a device."""

    def groups(self) -> Sequence[ParameterGroup]:
        """All parameters that learn, each once."""

    def trained(self) -> dict[str, torch.nn.Parameter]:
        """The same by name, as checkpoints keep them."""

    def losses(self, step: int) -> Iterator[LossPart]:
        """The parts of a step, which are gone back from one after the other.

        Args:
            step: from 0; what is drawn depends on it and the run's seed alone.
        """

    def evaluate(self, check: Callable[[], None]) -> Evaluation | None:
        """How good the model is now; ``None`` where nothing can tell.

        Args:
            check: called now and then; raises where somebody asked to stop.
        """


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """How long and how fast.

    Attributes:
        steps: at most.
        evaluate_every: steps between two evaluations; the last step is followed by one too.
        learning_rate: highest.
        weight_decay: of AdamW.
        warmup: share of the steps in which the rate rises.
        clip: norm that gradients are cut to.
        patience: evaluations without anything better after which it ends; 0 for never.
        patient_from: the step after which such evaluations count.
        save_every: steps between two checkpoints, beside those after each evaluation.
        log_every: steps between two lines of metrics.
        seed: of all that is drawn.
        average: share that each step leaves of the moving average of the weights, which is what is
            evaluated and kept in the end; 0 for the weights themselves.
        chooses: whether the best state is kept in the end, and not the last.
        weighs_start: whether what the model is before the first step is evaluated too, and kept in
            the end where nothing later was better.
        lighter: what to do where memory is too small for a step, as the end of a sentence.
    """

    steps: int
    evaluate_every: int
    learning_rate: float
    weight_decay: float = 0.05
    warmup: float = 0.1
    clip: float = 1.0
    patience: int = 0
    patient_from: int = 0
    save_every: int = 100
    log_every: int = 10
    seed: int = 0
    average: float = 0.0
    chooses: bool = True
    weighs_start: bool = False
    lighter: str = "train into another folder with a smaller batch"


def planned_steps(options: LearningOptions, images: int, a_step: int) -> int:
    """How many steps see all images as often as asked for, and at least one.

    Args:
        options: of the run.
        images: to learn from.
        a_step: how many of them a step draws.
    """
    return max(1, -(-options.epochs * images // a_step))


def plan_loop(
    options: LearningOptions, images: int, a_step: int, *, weighs_start: bool = False
) -> LoopPlan:
    """How long and how fast a run over some training images is; evaluated once an epoch.

    Args:
        options: of the run.
        images: to learn from.
        a_step: how many of them a step draws.
        weighs_start: as of the plan.
    """
    return LoopPlan(
        steps=planned_steps(options, images, a_step),
        evaluate_every=max(1, -(-images // a_step)),
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        warmup=options.warmup,
        clip=options.clip,
        patience=options.patience,
        save_every=options.save_every,
        log_every=options.log_every,
        seed=options.seed,
        weighs_start=weighs_start,
        lighter=lighter_step(options),
    )


@dataclass(frozen=True, slots=True)
class LoopProgress:
    """Where a training is.

    Attributes:
        step: that is done.
        steps: of the whole run.
        loss: of the step.
        measures: of the newest evaluation; empty before the first.
    """

    step: int
    steps: int
    loss: float
    measures: dict[str, float]


@dataclass(frozen=True, slots=True)
class LoopResult:
    """What came of a training; the model has the best state.

    Attributes:
        steps: done.
        best_step: after which the model was best; the last one where nothing could tell.
        best: how good it was then; ``None`` where nothing could tell.
    """

    steps: int
    best_step: int
    best: Evaluation | None
