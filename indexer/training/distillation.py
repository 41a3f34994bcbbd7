"""Distillation as a task of the loop: a teacher that is only asked, and a student that learns."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vitrail.indexer.indexing.ahead import map_ahead
from vitrail.indexer.spaces import EmbeddingSpace
from vitrail.indexer.training.distances import (
    answer_distance,
    relation_distance,
    token_distance,
    vector_distance,
)
from vitrail.indexer.training.distilling import DistillingOptions
from vitrail.indexer.training.samples import TrainingImages, drawn
from vitrail.indexer.training.tasks import Evaluation, LossPart, ParameterGroup, planned_steps
from vitrail.indexer.training.trainee import TrainableTower

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
_AHEAD = 2  # batches that are made while another is learned from
_NEAREST = 10  # of which are compared


@dataclass(frozen=True, slots=True)
class Made:
    """What an encoder makes of n images.

    Attributes:
        vectors: (n, d) unit rows.
        tokens: layer -> (n, t, d) of the layers that were asked for.
        logits: (n, c), or ``None`` without a head.
    """

    vectors: Tensor
    tokens: dict[int, Tensor]
    logits: Tensor | None


class TappedTower(TrainableTower):
    """A tower whose tokens can be taken on the way."""

    def make(self, pixels: Tensor, layers: Sequence[int]) -> Made:
        """All of (n, S, S, 3) uint8.

        Args:
            pixels: of the images.
            layers: whose tokens are wanted.
        """
        found: dict[EmbeddingSpace, Tensor] = {}
        tokens: dict[int, Tensor] = {}
        last = raw = pixels
        for layer, raw, last in self._layers(pixels):  # noqa: B007 - the head reads the last of all
            self._take(layer, last, found)
            if layer in layers:
                tokens[layer] = last
        logits = None
        if self.head is not None:
            logits = self.head(last if self.head_after_norm else raw).float()
        return Made(found[self.spaces[0]], tokens, logits)


@dataclass(slots=True)
class TaughtSide:
    """The teacher or the student, and the images as it sees them.

    Attributes:
        tower: with one space, and a head where logits are compared.
        images: to learn from.
        validation: to tell by how good a state is; may be empty.
        layers: whose tokens are compared, in order; as many as of the other side.
    """

    tower: TappedTower
    images: TrainingImages
    validation: TrainingImages
    layers: tuple[int, ...]

    @property
    def coarse(self) -> int:
        """Half the side of its images in pixels, in whole patches."""
        patch = self.tower.side
        return max(1, round(self.images.preprocess.image_size / 2 / patch)) * patch


@dataclass(slots=True)
class Distillation:
    """Teaches a student to make of images what a teacher makes of them; no labels are needed.

    Where the student is narrower, linear maps take its vectors and tokens to the teacher's width.
    They learn along, and are dropped in the end: the student's own vectors are what is kept.

    Attributes:
        teacher: is asked, and stays as it is.
        student: learns.
        model: transformers' own of the student, whose parameters are trained.
        options: how.
        shares: of the learning rate, by the name of a parameter; 1 where none is said.
    """

    teacher: TaughtSide
    student: TaughtSide
    model: nn.Module
    options: DistillingOptions
    shares: Mapping[str, float] = field(default_factory=dict)
    maps: nn.ModuleDict = field(default_factory=nn.ModuleDict)
    _device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    _batches: Generator[tuple[Pixels, Pixels], None, None] | None = None
    _next: int = -1
    _truth: Floats | None = None  # the teacher's vectors of the validation images

    def __post_init__(self) -> None:
        self.teacher.tower.requires_grad_(False)
        ours, theirs = self.student.tower.spaces[0].dim, self.teacher.tower.spaces[0].dim
        if ours != theirs:
            self.maps["vectors"] = _spread(ours, theirs)
            for number in range(len(self.student.layers) if self.options.weights["tokens"] else 0):
                self.maps[f"tokens {number}"] = _spread(ours, theirs)

    def to(self, device: torch.device) -> None:
        """Move both models to a device."""
        self._device = device
        for module in (self.teacher.tower, self.model, self.student.tower, self.maps):
            module.to(device)

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that learn, by name."""
        inner = {k: p for k, p in self.model.named_parameters() if p.requires_grad}
        return {**inner, **{f"maps.{k}": p for k, p in self.maps.named_parameters()}}

    def groups(self) -> Sequence[ParameterGroup]:
        """The same by their shares, matrices apart from vectors, which do not decay."""
        found: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for name, parameter in self.trained().items():
            share = self.shares.get(name, 1.0)
            found.setdefault((share, parameter.ndim > 1), []).append(parameter)
        return [
            ParameterGroup("student", tuple(parameters), share, decays)
            for (share, decays), parameters in found.items()
        ]

    def close(self) -> None:
        """End the threads that make batches."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    def losses(self, step: int) -> Iterator[LossPart]:
        """The parts of a step; see ``TrainingTask``."""
        self.teacher.tower.eval()
        self.student.tower.train()
        ours, theirs = self._batch(step)
        for places in np.array_split(np.arange(len(ours)), self.options.accumulate):
            with torch.no_grad():
                wanted = self.teacher.tower.make(self._moved(theirs[places]), self.teacher.layers)
            made = self.student.tower.make(self._moved(ours[places]), self.student.layers)
            # Differences of cosines are lost in half precision, in which models may run.
            with torch.autocast(self._device.type, enabled=False):
                loss = self._distance(made, wanted) * (len(places) / len(ours))
            yield LossPart(loss, float(loss.detach()))

    def _distance(self, made: Made, wanted: Made) -> Tensor:
        weights = self.options.weights
        terms = [
            weights["vectors"]
            * vector_distance(self._mapped("vectors", made.vectors), wanted.vectors),
            weights["relations"] * relation_distance(made.vectors, wanted.vectors),
        ]
        pairs = list(zip(self.student.layers, self.teacher.layers, strict=True))
        if weights["tokens"] and pairs:
            apart = [
                token_distance(
                    self._mapped(f"tokens {i}", made.tokens[ours]), wanted.tokens[theirs]
                )
                for i, (ours, theirs) in enumerate(pairs)
            ]
            terms.append(weights["tokens"] * torch.stack(apart).mean())
        if made.logits is not None and wanted.logits is not None:
            apart_by = answer_distance(made.logits, wanted.logits, self.options.temperature)
            terms.append(weights["logits"] * apart_by)
        return torch.stack(terms).sum()

    def _mapped(self, name: str, values: Tensor) -> Tensor:
        if name not in self.maps:
            return values
        mapped: Tensor = self.maps[name](values.float())
        return mapped

    def _moved(self, pixels: Pixels) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)

    def _batch(self, step: int) -> tuple[Pixels, Pixels]:
        if self._batches is None or step != self._next:
            self.close()
            self._batches = map_ahead(
                self._drawn, count(step), workers=self.options.workers, ahead=_AHEAD
            )
        self._next = step + 1
        return next(self._batches)

    def _drawn(self, step: int) -> tuple[Pixels, Pixels]:
        """A step's images as the student and as the teacher sees them."""
        options, ours = self.options, self.student.images
        places, epochs = drawn(len(ours), step, options.batch, options.seed)
        pairs = list(zip(places.tolist(), epochs.tolist(), strict=True))
        steps = planned_steps(options, len(ours), options.batch)
        coarse = step < round(options.coarse * steps)
        side, other = (one.coarse if coarse else None for one in (self.student, self.teacher))
        made = np.stack([ours.augmented(place, epoch, side=side) for place, epoch in pairs])
        theirs = self.teacher.images
        if (theirs.preprocess, other) == (ours.preprocess, side):
            return made, made
        seen = [theirs.augmented(place, epoch, side=other) for place, epoch in pairs]
        return made, np.stack(seen)

    def evaluate(self, check: Callable[[], None]) -> Evaluation | None:
        """How much of the teacher's neighbours the student finds; see ``TrainingTask``."""
        if len(self.student.validation) < 2:
            return None
        if self._truth is None:
            self._truth = self.vectors(self.teacher, self.teacher.validation, check)
        ours = self.vectors(self.student, self.student.validation, check)
        kept, alike = neighbours_kept(ours, self._truth), likeness(ours, self._truth)
        # Of states that keep as many neighbours, the one that is more alike is better.
        return Evaluation(kept + 1e-3 * alike, {"neighbours kept": kept, "likeness": alike})

    def vectors(
        self, side: TaughtSide, images: TrainingImages, check: Callable[[], None] = lambda: None
    ) -> Floats:
        """(n, d) unit rows of some images as they are in use."""
        size, found = max(1, self.options.batch // self.options.accumulate), []
        for first in range(0, len(images), size):
            check()
            places = range(first, min(first + size, len(images)))
            found.append(self.made(side, np.stack([images.plain(place) for place in places])))
        return np.concatenate(found)

    def made(self, side: TaughtSide, pixels: Pixels) -> Floats:
        """(n, d) unit rows of (n, S, S, 3) uint8 pixels."""
        side.tower.eval()
        with torch.no_grad():
            made = side.tower.make(self._moved(pixels), ()).vectors
        found: Floats = made.float().cpu().numpy()
        return found

    @property
    def device(self) -> torch.device:
        """On which both models are."""
        return self._device


def neighbours_kept(ours: Floats, theirs: Floats, k: int = _NEAREST) -> float:
    """The share of the k nearest by one encoder that are among the k nearest by another.

    Args:
        ours: (n, d) unit rows of one.
        theirs: (n, e) unit rows of the other, of the same n images.
        k: how many; at most a quarter of the others, since of all of them all are kept.
    """
    k = min(k, max(1, (len(ours) - 1) // 4))
    nearest = []
    for rows in (ours, theirs):
        scores = rows @ rows.T
        np.fill_diagonal(scores, -np.inf)
        nearest.append(np.argsort(-scores, axis=1, kind="stable")[:, :k])
    shared = [len(np.intersect1d(a, b)) for a, b in zip(*nearest, strict=True)]
    return float(np.mean(shared)) / k


def likeness(ours: Floats, theirs: Floats) -> float:
    """How alike two encoders find the same images: the correlation of all cosines between them.

    Args:
        ours: (n, d) unit rows of one.
        theirs: (n, e) unit rows of the other, of the same n images.

    Returns:
        From -1 to 1; 0 where all cosines of one are the same.
    """
    apart = ~np.eye(len(ours), dtype=bool)
    pair = [(rows @ rows.T)[apart].astype(np.float64) for rows in (ours, theirs)]
    one, other = (values - values.mean() for values in pair)
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size > 1e-12 else 0.0


def _spread(narrow: int, wide: int) -> nn.Linear:
    """A linear map that begins as one which keeps lengths and angles, always the same one."""
    made = nn.Linear(narrow, wide, bias=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        nn.init.orthogonal_(made.weight)
    return made
