"""The training loop: schedule, moving average, checkpoints that resume exactly."""

from __future__ import annotations

import copy
import csv
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from vitrail.indexer.errors import CheckpointError, InputError
from vitrail.indexer.files.durability import replacing

STATE_FILE = "state.pt"

Draw = Callable[[torch.Generator], tuple[Tensor, ...]]
Loss = Callable[[nn.Module, tuple[Tensor, ...]], Tensor]


@dataclass(frozen=True)
class TrainingPlan:
    """How long and how fast to train; times are in steps.

    The learning rate warms up, stays, and falls to zero over the last ``decay`` share, so that a
    run can be given a later end on resuming without having wasted anything.
    """

    steps: int
    learning_rate: float
    warmup: int = 100
    decay: float = 0.25
    weight_decay: float = 0.01
    average: float = 0.999
    save_every: int = 200
    log_every: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.save_every < 1 or self.log_every < 1:
            raise InputError(f"steps must be at least 1, not {self.steps}: raise --steps")

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        left = (self.steps - step) / max(1.0, self.steps * self.decay)
        return self.learning_rate * min(1.0, (step + 1) / max(1, self.warmup), left)

    def averaging(self, step: int) -> float:
        """Return the moving average's decay at a step; young averages forget faster."""
        return min(self.average, (1 + step) / (10 + step))


@dataclass
class Training:
    """A model in training with everything a resume needs, kept in one folder.

    Args:
        model: what is trained; its averaged copy is what is used afterwards.
        folder: where ``state.pt`` and ``loss.csv`` go.
        plan: length, rates and intervals.
        workers: threads that each take a share of every batch. Each runs torch on one core, so
            they meet once a step and not at every operation: on a busy machine several times
            faster than torch's own threads.
    """

    model: nn.Module
    folder: Path
    plan: TrainingPlan
    workers: int = 1
    step: int = 0
    average: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.generator = torch.Generator().manual_seed(self.plan.seed)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=self.plan.learning_rate,
            weight_decay=self.plan.weight_decay,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.replicas = [self.model, *(_replicate(self.model) for _ in range(self.workers - 1))]
        if not self.average:
            self.average = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def state_file(self) -> Path:
        """Where the resumable state is."""
        return self.folder / STATE_FILE

    def resume(self) -> bool:
        """Load the last saved state; False when there is none.

        Raises:
            CheckpointError: the state is damaged or of another model.
        """
        if not self.state_file.exists():
            return False
        try:
            state = torch.load(self.state_file, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.average = state["average"]
            self.optimizer.load_state_dict(state["optimizer"])
            self.generator.set_state(state["generator"])
            self.step = int(state["step"])
        except Exception as error:
            raise CheckpointError(
                f"cannot resume from {self.state_file}: {error!s:.200}; "
                "delete that file to start this stage again"
            ) from error
        return True

    def save(self) -> None:
        """Write the state so that a kill leaves the old one or the new one, never half of one."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
        }
        partial = self.state_file.with_suffix(".partial")
        path = os.path.abspath(self.state_file)
        with replacing(path, temporary=str(partial)) as beside, open(beside, "wb") as file:
            torch.save(state, file)

    def run(self, draw: Draw, loss: Loss, report: Callable[[int], None] | None = None) -> None:
        """Train to the planned end.

        Args:
            draw: makes a batch, tensors of equal length, with the generator given.
            loss: the mean loss of a batch or of a part of it; must draw nothing at random.
            report: called with the step after each save.

        Raises:
            CheckpointError: the loss is no number any more.
        """
        for replica in self.replicas:
            replica.train()
        kept: list[float] = []
        started = time.monotonic()
        with ThreadPoolExecutor(
            self.workers, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            while self.step < self.plan.steps:
                kept.append(self._advance(draw(self.generator), loss, pool))
                if self.step % self.plan.log_every == 0:
                    self._log(sum(kept) / len(kept), (time.monotonic() - started) / len(kept))
                    kept, started = [], time.monotonic()
                if self.step % self.plan.save_every == 0 or self.step == self.plan.steps:
                    self.save()
                    if report is not None:
                        report(self.step)

    def _advance(self, batch: tuple[Tensor, ...], loss: Loss, pool: ThreadPoolExecutor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate(self.step)
        parts = list(zip(*(one.chunk(self.workers) for one in batch), strict=True))
        shares = [len(part[0]) / len(batch[0]) for part in parts]
        jobs = [
            pool.submit(_gradients, replica, part, share, loss)
            for replica, part, share in zip(self.replicas, parts, shares, strict=False)
        ]
        value = sum(job.result() for job in jobs)
        if not math.isfinite(value):
            raise CheckpointError(
                f"the loss is {value} at step {self.step}: resume with a lower --rate"
            )
        self._gather()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._follow()
        self.step += 1
        return value

    def _gather(self) -> None:
        for replica in self.replicas[1:]:
            theirs = [p for p in replica.parameters() if p.requires_grad]
            pairs = zip(self.parameters, theirs, strict=True)
            both = [(p.grad, q.grad) for p, q in pairs if p.grad is not None and q.grad is not None]
            torch._foreach_add_([mine for mine, _ in both], [other for _, other in both])
            for q in theirs:
                q.grad = None

    @torch.no_grad()
    def _follow(self) -> None:
        weight = 1 - self.plan.averaging(self.step)
        current = self.model.state_dict()
        floats = [k for k, v in current.items() if v.is_floating_point()]
        torch._foreach_lerp_(
            [self.average[k] for k in floats], [current[k] for k in floats], weight
        )

    def _log(self, loss: float, seconds: float) -> None:
        path = self.folder / "loss.csv"
        fresh = not path.exists()
        with open(path, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(["step", "loss", "seconds_per_step"])
            writer.writerow([self.step, f"{loss:.6f}", f"{seconds:.4f}"])
        print(
            f"{self.folder.name} step {self.step} loss {loss:.5f} {seconds:.3f} s/step", flush=True
        )


def _replicate(model: nn.Module) -> nn.Module:
    """Return a copy that shares the weights but gathers gradients of its own."""
    replica = copy.deepcopy(model)
    for mine, theirs in zip(replica.parameters(), model.parameters(), strict=True):
        mine.data = theirs.data
    return replica


def _gradients(model: nn.Module, part: tuple[Tensor, ...], share: float, loss: Loss) -> float:
    value = loss(model, part) * share
    value.backward()  # type: ignore[no-untyped-call]
    return value.item()


def load_average(model: nn.Module, state_file: Path) -> bool:
    """Load a training's averaged weights into the model, ready for use; False without a file.

    Raises:
        CheckpointError: the state is damaged or of another model.
    """
    if not state_file.exists():
        return False
    try:
        model.load_state_dict(torch.load(state_file, weights_only=True)["average"])
    except Exception as error:
        raise CheckpointError(
            f"cannot use {state_file}: {error!s:.200}; it is damaged or of other settings"
        ) from error
    model.eval()
    return True
