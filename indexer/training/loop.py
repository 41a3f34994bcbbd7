"""The loop that trainings share: steps, evaluations, checkpoints, exact resume.

What a step does depends on the run's seed and the step's number alone: so a run that goes on needs
no generator's state, and does bit by bit what it would have done (on CPUs; CUDA adds up in an
order of its own).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CancelledError, TrainingError
from vitrail.indexer.files.durability import disk_guard
from vitrail.indexer.memory import is_out_of_memory
from vitrail.indexer.training.acceleration import Acceleration
from vitrail.indexer.training.averaging import WeightAverage
from vitrail.indexer.training.metrics import MetricsFile
from vitrail.indexer.training.schedules import warmup_cosine
from vitrail.indexer.training.states import State, read_state, write_state
from vitrail.indexer.training.tasks import (
    Evaluation,
    LoopPlan,
    LoopProgress,
    LoopResult,
    TrainingTask,
)

GO_ON = "run the same command to go on"


@dataclass(slots=True)
class TrainingLoop:
    """Trains to the planned end, from the last checkpoint in the folder where there is one.

    Attributes:
        task: what is learned.
        plan: how long and how fast.
        folder: where checkpoints and ``metrics.jsonl`` lie; it has to exist.
        acceleration: device and precision.
        on_step: told after each step.
        cancellation: looked at between the parts of steps.
    """

    task: TrainingTask
    plan: LoopPlan
    folder: str
    acceleration: Acceleration
    on_step: Callable[[LoopProgress], None] = lambda _: None
    cancellation: Cancellation = field(default_factory=Cancellation)
    _step: int = 0
    _worse: int = 0  # evaluations since the best that count
    _best_step: int = 0
    _best: Evaluation | None = None
    _best_weights: dict[str, Tensor] = field(default_factory=dict)
    _pending: list[float] = field(default_factory=list)  # losses that no line has told
    _measures: dict[str, float] = field(default_factory=dict)
    _saved: int = -1
    _evaluated: int = -1  # step that the newest evaluation followed
    _saved_evaluation: int = -1  # the same, as it was saved
    _optimizer: Any = None
    _average: WeightAverage = field(default_factory=lambda: WeightAverage(0.0, {}))

    @property
    def step(self) -> int:
        """Steps that are done."""
        return self._step

    def run(self) -> LoopResult:
        """Train; the model is left with the best state.

        Raises:
            CancelledError: somebody asked to stop; a checkpoint was written.
            TrainingError: the loss is no number any more, or memory is too small.
            CheckpointError: the checkpoints that are there are all damaged.
            CollectionError: the disk is full.
        """
        with self._told_errors(), self._writing():
            self.task.to(self.acceleration.device)
            self._optimizer = self.acceleration.prepare(self._make_optimizer())
            self._average = WeightAverage(self.plan.average, self.task.trained())
            self._resume()
        with self._told_errors(), torch.random.fork_rng(devices=self.acceleration.own_devices):
            self._evaluate()  # what it begins with, or where somebody stopped it last time
            while self._step < self.plan.steps and not self._stale():
                self._heed()
                self._advance()
        if self._best_weights:
            self._load(self._best_weights)
        else:
            self._average.settle()
        return LoopResult(self._step, self._best_step if self._best else self._step, self._best)

    def _make_optimizer(self) -> torch.optim.Optimizer:
        groups = [
            {
                "params": list(group.parameters),
                "share": group.share,
                "weight_decay": self.plan.weight_decay if group.decays else 0.0,
            }
            for group in self.task.groups()
        ]
        return torch.optim.AdamW(groups, lr=self.plan.learning_rate)

    def _stale(self) -> bool:
        return 0 < self.plan.patience <= self._worse

    def _advance(self) -> None:
        started = time.monotonic()
        rate = self.plan.learning_rate * warmup_cosine(
            self._step, self.plan.steps, self.plan.warmup
        )
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["share"]
        loss = self._gradients()
        parameters = list(self.task.trained().values())
        self.acceleration.clip(parameters, self.plan.clip)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._average.follow(self._step)
        self._step += 1
        self._pending.append(loss)
        self._log(rate, time.monotonic() - started)
        if self._evaluate() or self._step % self.plan.save_every == 0:
            self._save()
        self.on_step(LoopProgress(self._step, self.plan.steps, loss, self._measures))

    def _gradients(self) -> float:
        """Go back from each part of a step; returns the loss of the whole."""
        torch.manual_seed(_mixed(self.plan.seed, self._step))  # for dropout
        parts, total = self.task.losses(self._step), 0.0
        while True:
            with self.acceleration.autocast():
                part = next(parts, None)
            if part is None:
                return total
            total += part.told
            if not math.isfinite(total):
                self._optimizer.zero_grad(set_to_none=True)
                raise TrainingError(
                    f"the loss is {total} at step {self._step + 1}, after which nothing can be "
                    "learned; train into another folder with a lower learning rate"
                    + (f" (the state after step {self._saved} is kept)" if self._saved > 0 else "")
                )
            self.acceleration.backward(part.loss)
            del part
            self._heed()

    def _evaluate(self) -> bool:
        """Look how good the model is, if that is due; tells whether it was."""
        due = self._step % self.plan.evaluate_every == 0 or self._step == self.plan.steps
        due = due and (self._step > 0 or self.plan.weighs_start)
        if not due or self._evaluated == self._step:
            return False
        self._average.show()
        try:
            with self.acceleration.autocast(), torch.no_grad():
                found = self.task.evaluate(self._heed)
            self._evaluated = self._step
            if found is not None:
                self._weigh(found)
        finally:
            self._average.hide()
        return True

    def _weigh(self, found: Evaluation) -> None:
        """Keep the weights where they are the best so far."""
        self._measures = found.told
        with self._writing():
            self._metrics.append({"step": self._step, "validation": found.told})
        if not self.plan.chooses:
            return
        if self._best is None or found.value > self._best.value:
            self._best, self._best_step, self._worse = found, self._step, 0
            trained = self.task.trained().items()
            self._best_weights = {name: one.detach().cpu().clone() for name, one in trained}
        elif self._step > self.plan.patient_from:
            self._worse += 1

    @property
    def _metrics(self) -> MetricsFile:
        return MetricsFile(f"{self.folder}/metrics.jsonl")

    def _log(self, rate: float, seconds: float) -> None:
        if self._step % self.plan.log_every and self._step != self.plan.steps:
            return
        mean = sum(self._pending) / len(self._pending)
        line = {"step": self._step, "loss": mean, "rate": rate, "seconds": round(seconds, 4)}
        self._pending = []
        with self._writing():
            self._metrics.append(line)

    # Checkpoints

    def _save(self) -> None:
        if (self._saved, self._saved_evaluation) == (self._step, self._evaluated):
            return
        best = self._best
        state: State = {
            "step": self._step,
            "weights": {name: one.detach() for name, one in self.task.trained().items()},
            "optimizer": self._optimizer.state_dict(),
            "scaler": self.acceleration.scaler_state(),
            "evaluated": self._evaluated,
            "worse": self._worse,
            "best_step": self._best_step,
            "best": None if best is None else {"value": best.value, "told": best.told},
            "best_weights": self._best_weights,
            "pending": list(self._pending),
            "measures": self._measures,
            "average": self._average.state(),
        }
        with self._writing():
            write_state(self.folder, self._step, state)
        self._saved, self._saved_evaluation = self._step, self._evaluated

    def _resume(self) -> None:
        state = read_state(self.folder)
        if state is not None:
            try:
                self._go_on_from(state)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise TrainingError(
                    f"the checkpoint in {self.folder} is another version's, or of something else "
                    f"({error!s:.80}): train into another folder"
                ) from error
        # Of a run that weighs its start nothing is known before that is written; another's line of
        # step 0 is its task's own.
        afresh = state is None and self.plan.weighs_start
        self._metrics.rewind(-1 if afresh else self._step)

    def _go_on_from(self, state: State) -> None:
        self._load(state["weights"])
        self._optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        self.acceleration.load_scaler(state["scaler"])
        self._step = self._saved = int(state["step"])
        self._evaluated = self._saved_evaluation = int(state["evaluated"])
        self._worse, self._best_step = int(state["worse"]), int(state["best_step"])
        self._best = None if state["best"] is None else Evaluation(**state["best"])
        self._best_weights = dict(state["best_weights"])
        self._pending, self._measures = list(state["pending"]), dict(state["measures"])
        self._average.load(state.get("average", {}))

    @torch.no_grad()
    def _load(self, weights: dict[str, Tensor]) -> None:
        trained = self.task.trained()
        if trained.keys() != weights.keys():
            odd = sorted(trained.keys() ^ weights.keys())[0]
            raise TrainingError(
                f"the checkpoint in {self.folder} is of a model with other parameters ({odd}); "
                "train into another folder"
            )
        for name, parameter in trained.items():
            parameter.copy_(weights[name])

    # What may come between

    def _heed(self) -> None:
        """Stop where somebody asked for that; within a step, what it has done is done again."""
        if not self.cancellation.cancelled:
            return
        self._average.hide()  # what is kept is what learns
        if self._optimizer is not None:
            self._optimizer.zero_grad(set_to_none=True)
        self._save()
        raise CancelledError(
            f"stopped after step {self._step} of {self.plan.steps}; what was learned is kept",
            remedy=GO_ON,
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with disk_guard(self.folder, 0):
            yield

    @contextmanager
    def _told_errors(self) -> Iterator[None]:
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            kept = max(self._saved, 0)
            raise TrainingError(
                f"memory is too small for step {self._step + 1}: {self.plan.lighter}"
                + (f"; what was learned up to step {kept} is kept" if kept else "")
            ) from error


def _mixed(seed: int, step: int) -> int:
    """A seed for one step, of 63 bits."""
    return (seed * 1_000_003 + step * 7_919 + 17) % (1 << 63)
