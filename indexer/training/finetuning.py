"""Fine-tuning as a task of the loop: batches, objectives, and how good a state is."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vitrail.indexer.indexing.ahead import map_ahead
from vitrail.indexer.training.objectives import (
    balanced_weights,
    contrastive,
    cross_entropy,
    image_weights,
    soft_targets,
)
from vitrail.indexer.training.options import FinetuningOptions
from vitrail.indexer.training.samples import TrainingImages, drawn
from vitrail.indexer.training.tasks import (
    Evaluation,
    LoopPlan,
    LossPart,
    ParameterGroup,
    plan_loop,
)
from vitrail.indexer.training.trainee import Trainee

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Judge = Callable[[Floats, Ints], dict[str, float]]
"""Measures of (n, d) unit rows and their (n,) labels, by name; ``mAP`` is what states go by."""
_AHEAD = 2  # batches that are made while another is learned from


def plan_of(options: FinetuningOptions, images: int) -> LoopPlan:
    """How long and how fast a run over some training images is."""
    return plan_loop(options, images, images_a_step(options))


def images_a_step(options: FinetuningOptions) -> int:
    """How many images a step draws: half a batch where each is in it twice."""
    return options.batch // 2 if options.contrasts else options.batch


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """A step's images.

    Attributes:
        pixels: (n, S, S, 3) uint8; float32 where they are mixed.
        targets: (n,) int64 labels; of mixed ones the label that has the larger share.
        others: (n,) int64 labels of what is mixed in.
        share: of ``targets``; 1 where nothing is mixed.
    """

    pixels: NDArray[np.uint8] | Floats
    targets: Ints
    others: Ints
    share: float


def make_batch(images: TrainingImages, options: FinetuningOptions, step: int) -> TrainingBatch:
    """The images of a step, which depend on it and the seed alone.

    Raises:
        InputError: a file is gone, broken or another one by now.
    """
    places, epochs = drawn(len(images), step, images_a_step(options), options.seed)
    views = range(2 if options.contrasts else 1)
    pixels = np.stack(
        [
            images.augmented(place, epoch, view)
            for view in views
            for place, epoch in zip(places.tolist(), epochs.tolist(), strict=True)
        ]
    )
    targets = np.tile(images.targets[places], len(views))
    if not options.mixup:
        return TrainingBatch(pixels, targets, targets, 1.0)
    chance = np.random.default_rng([options.seed, step, 1])
    share = float(chance.beta(options.mixup, options.mixup))
    share = max(share, 1 - share)
    other = chance.permutation(len(targets))
    mixed = share * pixels.astype(np.float32) + (1 - share) * pixels[other].astype(np.float32)
    return TrainingBatch(mixed.astype(np.float32), targets, targets[other], share)


@dataclass(slots=True)
class Finetuning:
    """Teaches a trainee labels, or moves images of one label together, or both.

    Attributes:
        trainee: that learns.
        images: to learn from.
        validation: to tell by how good a state is; may be empty.
        options: how.
        judge: measures of the validation images' vectors; the head's accuracy decides without.
    """

    trainee: Trainee
    images: TrainingImages
    validation: TrainingImages
    options: FinetuningOptions
    judge: Judge | None = None
    _weights: Tensor = field(default_factory=lambda: torch.ones(1))
    _device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    _batches: Generator[TrainingBatch, None, None] | None = None
    _next: int = -1

    def to(self, device: torch.device) -> None:
        """Move the model, and what each label counts, to a device."""
        self._device = device
        self.trainee.model.to(device)
        self.trainee.tower.to(device)
        classes = max(1, len(self.trainee.classes))
        self._weights = torch.ones(classes, device=device)
        if self.options.balanced:
            counts = np.bincount(self.images.targets, minlength=classes)
            self._weights = balanced_weights(torch.from_numpy(counts)).to(device)

    def groups(self) -> Sequence[ParameterGroup]:
        """All parameters that learn, each once."""
        return self.trainee.groups(self.options.layer_decay, self.options.head_rate)

    def trained(self) -> dict[str, nn.Parameter]:
        """The same by name."""
        return self.trainee.trained()

    def close(self) -> None:
        """End the threads that make batches."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    def losses(self, step: int) -> Iterator[LossPart]:
        """The parts of a step; see ``TrainingTask``."""
        self.trainee.tower.train()
        batch = self._batch(step)
        parts = np.array_split(np.arange(len(batch.targets)), self.options.accumulate)
        if not self.options.contrasts or len(parts) == 1:
            yield from self._direct(batch, parts)
        else:
            yield from self._through_vectors(batch, parts, step)

    def _batch(self, step: int) -> TrainingBatch:
        if self._batches is None or step != self._next:
            self.close()
            self._batches = map_ahead(
                lambda one: make_batch(self.images, self.options, one),
                count(step),
                workers=self.options.workers,
                ahead=_AHEAD,
            )
        self._next = step + 1
        return next(self._batches)

    def _direct(self, batch: TrainingBatch, parts: Sequence[Ints]) -> Iterator[LossPart]:
        shares = self._shares(batch)
        weights = image_weights(shares, self._weights)
        for places in parts:
            vectors, logits = self._run(batch, places)
            terms = [self._contrast(vectors, batch)] if self.options.contrasts else []
            if logits is not None:
                chosen = torch.from_numpy(places).to(self._device)
                terms.append(cross_entropy(logits, shares[chosen], weights[chosen], weights.sum()))
            loss = torch.stack(terms).sum()
            yield LossPart(loss, float(loss.detach()))

    def _through_vectors(
        self, batch: TrainingBatch, parts: Sequence[Ints], step: int
    ) -> Iterator[LossPart]:
        """The whole batch's contrastive gradient, a part of its images at a time.

        All vectors are made once without keeping anything, the loss is gone back from to these, and
        each part is made again and gone back from its vectors (Gao et al., 2021, "GradCache").
        """
        with torch.no_grad():
            made = []
            for number, places in enumerate(parts):
                self._seed(step, number)
                made.append(self._run(batch, places)[0])
        whole = torch.cat(made).detach().requires_grad_(True)
        with torch.enable_grad():
            loss = self._contrast(whole, batch)
            (gradient,) = torch.autograd.grad(loss, whole)
        told = float(loss.detach()) / len(parts)
        shares = self._shares(batch)
        weights = image_weights(shares, self._weights)
        for number, places in enumerate(parts):
            self._seed(step, number)
            vectors, logits = self._run(batch, places)
            chosen = torch.from_numpy(places).to(self._device)
            back = (vectors * gradient[chosen]).sum()
            if logits is None:
                yield LossPart(back, told)
                continue
            taught = cross_entropy(logits, shares[chosen], weights[chosen], weights.sum())
            yield LossPart(back + taught, told + float(taught.detach()))

    def _seed(self, step: int, number: int) -> None:
        """The same dropout both times that a part is made."""
        torch.manual_seed((self.options.seed * 1_000_003 + step * 7_919 + number * 31 + 5) % 2**63)

    def _contrast(self, vectors: Tensor, batch: TrainingBatch) -> Tensor:
        targets = torch.from_numpy(batch.targets).to(self._device)
        return contrastive(vectors, targets, self.options.temperature)

    def _shares(self, batch: TrainingBatch) -> Tensor:
        """(n, c) targets, smoothed and mixed."""
        classes = max(1, len(self.trainee.classes))
        own, other = (
            soft_targets(torch.from_numpy(one), classes, self.options.smoothing)
            for one in (batch.targets, batch.others)
        )
        return (batch.share * own + (1 - batch.share) * other).to(self._device)

    def _run(self, batch: TrainingBatch, places: Ints) -> tuple[Tensor, Tensor | None]:
        pixels = torch.from_numpy(np.ascontiguousarray(batch.pixels[places])).to(self._device)
        vectors, *logits = self.trainee.tower(pixels)
        return vectors, logits[0] if logits else None

    def evaluate(self, check: Callable[[], None]) -> Evaluation | None:
        """How good the model is at the validation images; see ``TrainingTask``."""
        if not len(self.validation):
            return None
        self.trainee.tower.eval()
        vectors, logits = self.outputs(self.validation, check)
        targets = self.validation.targets
        told: dict[str, float] = {}
        if logits is not None:
            logs = torch.log_softmax(torch.from_numpy(logits), dim=-1)
            told["loss"] = float(-logs[torch.arange(len(targets)), targets].mean())
            told["accuracy"] = float((logits.argmax(axis=1) == targets).mean())
        if self.judge is not None:
            told |= self.judge(vectors, targets)
        # where only the head learns, no vector moves
        name = "mAP" if "mAP" in told and not self.options.head_only else "accuracy"
        if name not in told:
            return None
        # of equal ones the surer state
        return Evaluation(told[name] - 1e-6 * told.get("loss", 0.0), told)

    def outputs(
        self, images: TrainingImages, check: Callable[[], None] = lambda: None
    ) -> tuple[Floats, Floats | None]:
        """(n, d) unit rows of some images as they are in use, and (n, c) logits of the head."""
        size = max(1, self.options.batch // self.options.accumulate)
        vectors, logits = [], []
        with torch.no_grad():
            for first in range(0, len(images), size):
                check()
                places = range(first, min(first + size, len(images)))
                pixels = np.stack([images.plain(place) for place in places])
                found, *told = self.trainee.tower(torch.from_numpy(pixels).to(self._device))
                vectors.append(found.float().cpu().numpy())
                logits += [one.float().cpu().numpy() for one in told]
        return np.concatenate(vectors), np.concatenate(logits) if logits else None
