"""Fine-tuning a Stable Diffusion as a task of the loop: noise, the U-Net's errors, sheets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from vitrail.generator.models.libraries import quiet
from vitrail.generator.training.adapting import GeneratorTrainee
from vitrail.generator.training.captioned import (
    CaptionedImage,
    KeptLatents,
    TextStates,
    encode_captions,
)
from vitrail.generator.training.noising import NoiseSchedule, draw_noise, spread_timesteps
from vitrail.generator.training.options import GeneratorOptions
from vitrail.indexer.training.learning_options import lighter_step
from vitrail.indexer.training.samples import drawn
from vitrail.indexer.training.tasks import Evaluation, LoopPlan, LossPart, ParameterGroup

_PROBED = 8  # images that the fixed loss is of
_STRATA = 4  # timesteps of each
Check = Callable[[], None]
Sheet = Callable[[Check], None]
"""Draws a sheet of samples by the weights as they are; given what raises when asked to stop."""


def plan_of(options: GeneratorOptions) -> LoopPlan:
    """How long and how fast a run is; sheets are drawn where others evaluate."""
    return LoopPlan(
        steps=options.steps,
        evaluate_every=options.sheet_every,
        learning_rate=options.rate,
        weight_decay=options.weight_decay,
        warmup=options.warmup,
        clip=options.clip,
        save_every=options.save_every,
        log_every=options.log_every,
        seed=options.seed,
        average=options.averaged,
        chooses=False,  # the loss of images that are learned from tells nothing of the best state
        lighter=lighter_step(options),
    )


@dataclass(frozen=True, slots=True)
class CaptionedLesson:
    """What is learned from.

    Attributes:
        images: own ones first, then those of the prior.
        own: how many are own.
        latents: of all of them.
        states: of ``captions``; ``None`` where the text encoders learn.
        captions: distinct ones, the empty one first.
        said: (n,) int64, which caption each image has.
    """

    images: tuple[CaptionedImage, ...]
    own: int
    latents: KeptLatents
    states: TextStates | None
    captions: tuple[str, ...]
    said: Tensor


def number_captions(images: Sequence[CaptionedImage]) -> tuple[tuple[str, ...], Tensor]:
    """Distinct captions, the empty one first, and (n,) int64 which of them each image has."""
    captions = tuple(dict.fromkeys(["", *(image.caption for image in images)]))
    numbers = {caption: number for number, caption in enumerate(captions)}
    return captions, torch.tensor([numbers[image.caption] for image in images], dtype=torch.int64)


class NoisyBatch(NamedTuple):
    """A step's images.

    Attributes:
        noisy: (n, c, h, w) float32 latents.
        target: likewise, what the U-Net is to tell of them.
        timesteps: (n,) int64.
        captions: (n,) int64, which caption each is told with.
        places: (n, 6) float32; see ``captioned.CutImage.place``.
        weights: (n,) float32, what the mean squared error of each counts.
    """

    noisy: Tensor
    target: Tensor
    timesteps: Tensor
    captions: Tensor
    places: Tensor
    weights: Tensor

    def part(self, places: Tensor) -> NoisyBatch:
        """Some of the images, by their places (k,) int64."""
        return NoisyBatch(*(one[places] for one in self))


@dataclass(slots=True)
class GeneratorTuning:
    """Teaches a pipeline images by their captions.

    Attributes:
        trainee: that learns.
        lesson: what from.
        options: how.
        sheet: draws samples; ``None`` for none.
    """

    trainee: GeneratorTrainee
    lesson: CaptionedLesson
    options: GeneratorOptions
    sheet: Sheet | None = None
    _schedule: NoiseSchedule = field(init=False)

    def __post_init__(self) -> None:
        self._schedule = NoiseSchedule.of(self.trainee.pipeline.scheduler.config)

    def to(self, device: torch.device) -> None:
        """Move the pipeline to a device."""
        self.trainee.pipeline.to(device)

    @property
    def _device(self) -> torch.device:
        return self.trainee.device

    def groups(self) -> Sequence[ParameterGroup]:
        """All parameters that learn, each once; see ``TrainingTask``."""
        parameters = self.trainee.trained().values()
        parted = {
            decays: tuple(one for one in parameters if (one.ndim > 1) == decays)
            for decays in (True, False)
        }
        return [ParameterGroup("all", own, 1.0, decays) for decays, own in parted.items() if own]

    def trained(self) -> dict[str, nn.Parameter]:
        """The same by name."""
        return self.trainee.trained()

    def losses(self, step: int) -> Iterator[LossPart]:
        """The parts of a step; see ``TrainingTask``."""
        batch = self.batch(step)
        parts = np.array_split(np.arange(len(batch.noisy)), self.options.accumulate)
        with self.trainee.learning():
            for places in parts:
                part = batch.part(torch.from_numpy(places))
                loss = (self._errors(part) * part.weights.to(self._device)).sum()
                yield LossPart(loss, float(loss.detach()))

    def batch(self, step: int) -> NoisyBatch:
        """A step's images and noise, which depend on it and the seed alone, on the CPU."""
        seed = self.options.seed
        chance = torch.Generator().manual_seed((seed * 1_000_003 + step * 7_919 + 29) % (1 << 63))
        own, prior = self.lesson.own, len(self.lesson.images) - self.lesson.own
        count = self.options.batch
        places = torch.from_numpy(drawn(own, step, count, seed)[0])
        weights = torch.full((count,), 1 / count)
        if prior:
            others = torch.from_numpy(drawn(prior, step, count, seed + 1)[0]) + own
            places = torch.cat([places, others])
            weights = torch.cat([weights, weights * self.options.prior_weight])
        left_out = torch.rand(len(places), generator=chance) < self.options.left_out
        captions = torch.where(left_out, 0, self.lesson.said[places])
        # own images and the prior's each have all of the schedule
        steps = len(self._schedule.kept)
        timesteps = torch.cat(
            [spread_timesteps(count, steps, chance) for _ in range(2 if prior else 1)]
        )
        noisy, target = self._noised(places, timesteps, chance)
        weights = weights * self._schedule.weights(timesteps, self.options.snr)
        return NoisyBatch(
            noisy, target, timesteps, captions, self.lesson.latents.places[places], weights
        )

    def _noised(
        self, places: Tensor, timesteps: Tensor, chance: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        kept = self.lesson.latents
        ways = torch.randint(len(kept.mean), (len(places),), generator=chance)
        mean, deviation = kept.mean[ways, places], kept.deviation[ways, places]
        latents = mean + deviation * torch.randn(mean.shape, generator=chance)
        latents = latents * self.trainee.pipeline.vae.config.scaling_factor
        noise = draw_noise(latents.shape, self.options.offset_noise, chance)
        return self._schedule.noised(latents, noise, timesteps)

    def _errors(self, part: NoisyBatch) -> Tensor:
        """(n,) mean squared errors of the U-Net."""
        states = self._told(part.captions)
        more: dict[str, Any] = {}
        if states.pooled is not None:
            more["added_cond_kwargs"] = {
                "text_embeds": states.pooled,
                "time_ids": part.places.to(self._device),
            }
        noisy, timesteps = part.noisy.to(self._device), part.timesteps.to(self._device)
        told = self.trainee.unet(noisy, timesteps, states.hidden, **more).sample
        error: Tensor = (told.float() - part.target.to(self._device)).square().mean(dim=(1, 2, 3))
        return error

    def _told(self, captions: Tensor) -> TextStates:
        if self.lesson.states is None:
            with quiet():
                return encode_captions(
                    self.trainee.pipeline, [self.lesson.captions[i] for i in captions.tolist()]
                )
        found = self.lesson.states.chosen(captions)
        pooled = None if found.pooled is None else found.pooled.to(self._device)
        return TextStates(found.hidden.to(self._device), pooled)

    def evaluate(self, check: Callable[[], None]) -> Evaluation | None:
        """The fixed loss, and a sheet; see ``TrainingTask``.

        The same images have the same noise at the same timesteps each time, so that the loss shows
        what is learned, where that of a step shows which timesteps it drew.
        """
        if self.sheet is not None:
            self.sheet(check)
        check()
        return Evaluation(0.0, {"fixed loss": self._fixed_loss(check)})

    def _fixed_loss(self, check: Callable[[], None]) -> float:
        chance = torch.Generator().manual_seed(self.options.seed)
        count = min(_PROBED, self.lesson.own)
        errors = []
        for stratum in range(_STRATA):
            check()
            places = torch.arange(count)
            middle = int((stratum + 0.5) / _STRATA * len(self._schedule.kept))
            timesteps = torch.full((count,), middle, dtype=torch.int64)
            noisy, target = self._noised(places, timesteps, chance)
            said, where = self.lesson.said[places], self.lesson.latents.places[places]
            batch = NoisyBatch(noisy, target, timesteps, said, where, torch.ones(count))
            size = max(1, self.options.batch // self.options.accumulate)
            errors += [self._errors(batch.part(some)) for some in torch.split(places, size)]
        return float(torch.cat(errors).mean())
