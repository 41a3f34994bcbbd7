"""The stages of training: autoencoder, text, diffusion; each resumes where it stopped."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vitrail.generator.training import autoencoder, captions, diffusion, text, tokenizer
from vitrail.generator.training.emoji import EmojiImage
from vitrail.generator.training.images import jitter, to_tensor
from vitrail.generator.training.latents import fit
from vitrail.generator.training.loop import STATE_FILE, Training, TrainingPlan, load_average
from vitrail.indexer.errors import CheckpointError

STAGES = ("autoencoder", "text", "diffusion")
AUTOENCODER_PLAN = TrainingPlan(steps=3000, learning_rate=2e-3, decay=0.5, average=0.995)
TEXT_PLAN = TrainingPlan(steps=2500, learning_rate=2e-3, decay=0.5, weight_decay=0.0, average=0.995)
DIFFUSION_PLAN = TrainingPlan(
    steps=4000, learning_rate=1.5e-3, warmup=100, decay=0.4, average=0.995
)
# Twenty tokens for the words, the others for the image's regions.
PROMPT_LENGTH = 20 + text.REGIONS

Report = Callable[["Run", str, int], None]


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides a run's result, beside the images.

    ``moved_share`` is the share of slightly moved images among those the diffusion sees: small,
    because the model is meant to remember its images.
    """

    autoencoder_size: autoencoder.AutoencoderSize = field(
        default_factory=autoencoder.AutoencoderSize
    )
    diffusion_size: diffusion.DiffusionSize = field(default_factory=diffusion.DiffusionSize)
    autoencoder: TrainingPlan = AUTOENCODER_PLAN
    text: TrainingPlan = TEXT_PLAN
    diffusion: TrainingPlan = DIFFUSION_PLAN
    autoencoder_batch: int = 8
    text_batch: int = 128
    batch: int = 32
    empty_share: float = 0.1
    moved_share: float = 0.1
    moved_copies: int = 2
    vocabulary: int = 2600
    prompt_length: int = PROMPT_LENGTH
    workers: int = 2


@dataclass
class Run:
    """One training run: its images, its folder and the parts made so far."""

    folder: Path
    images: list[EmojiImage]
    settings: RunSettings = field(default_factory=RunSettings)

    def __post_init__(self) -> None:
        self.pixels = to_tensor([image.image for image in self.images])
        names = [image.emoji for image in self.images]
        self.tokenizer: Any = tokenizer.build_once(
            self.folder / "tokenizer",
            captions.corpus(names),
            vocabulary=self.settings.vocabulary,
            length=self.settings.prompt_length,
        )
        size = self.settings.autoencoder_size
        self.basis = fit(self.pixels, size.side // size.latent, size.latent_channels)
        torch.manual_seed(0)
        self.autoencoder: nn.Module = autoencoder.build(self.settings.autoencoder_size)
        self.denoiser = diffusion.build(
            self.settings.diffusion_size,
            self.tokenizer,
            self.settings.autoencoder_size.latent_channels,
            self.settings.autoencoder_size.latent,
        )

    def train(self, stages: Sequence[str] = STAGES, report: Report | None = None) -> None:
        """Run stages to their planned ends, each from its last checkpoint.

        Args:
            stages: which. The diffusion needs the text; the autoencoder is independent, and can
                be trained by another process at the same time.
            report: called after each checkpoint, and for the last one again where a run goes on.

        Raises:
            CheckpointError: a checkpoint is damaged or of other settings.
        """
        if "autoencoder" in stages:
            self.train_autoencoder(report)
        if "text" in stages:
            self.train_text(report)
        if "diffusion" in stages:
            self.train_diffusion(report)

    def restore(self) -> bool:
        """Load the averaged weights saved so far; False unless all stages have begun."""
        begun = True
        # The text last: it may have learned further while the diffusion kept what it began with.
        stages = (self.autoencoder, self.denoiser, self.denoiser.text_encoder)
        for stage, model in zip(("autoencoder", "diffusion", "text"), stages, strict=True):
            begun = load_average(model, self.folder / stage / STATE_FILE) and begun
        return begun

    def _training(self, model: nn.Module, stage: str, plan: TrainingPlan) -> Training:
        return Training(model, self.folder / stage, plan, workers=self.settings.workers)

    def _finish(
        self, training: Training, draw: Any, loss: Any, stage: str, report: Report | None
    ) -> None:
        tell = None if report is None else (lambda step: report(self, stage, step))
        if training.resume() and tell is not None:
            tell(training.step)  # a kill may have come after the state, and before this
        training.run(draw, loss, tell)
        training.model.load_state_dict(training.average)
        training.model.eval()

    def train_autoencoder(self, report: Report | None = None) -> None:
        """Train the autoencoder; it ends with its averaged weights."""
        settings = self.settings
        training = self._training(self.autoencoder, "autoencoder", settings.autoencoder)

        def draw(generator: torch.Generator) -> tuple[Tensor, ...]:
            return autoencoder.draw(self.pixels, self.basis, settings.autoencoder_batch, generator)

        self._finish(training, draw, autoencoder.loss, "autoencoder", report)

    def latents(self) -> Tensor:
        """Return the images' latents, (copies, n, c, h, w) float32.

        The first copy is of the images as they are, the others of slightly moved ones.
        """
        generator = torch.Generator().manual_seed(1)
        moved = [jitter(self.pixels, generator) for _ in range(self.settings.moved_copies)]
        return torch.stack([self.basis.project(one) for one in [self.pixels, *moved]])

    def train_text(self, report: Report | None = None) -> None:
        """Train the text encoder to tell its image; it ends with averaged weights."""
        latents = self.basis.project(self.pixels)
        codes = text.region_codes(latents)
        training = self._training(self.denoiser.text_encoder, "text", self.settings.text)

        def draw(generator: torch.Generator) -> tuple[Tensor, ...]:
            chosen = torch.randint(len(codes), (self.settings.text_batch,), generator=generator)
            tokens, empty = self._captions(chosen, generator)
            return tokens, torch.where(empty[:, None, None], 0.0, codes[chosen])

        self._finish(training, draw, text.loss, "text", report)

    def train_diffusion(self, report: Report | None = None) -> None:
        """Train the U-Net under the trained text encoder; it ends with averaged weights.

        Raises:
            CheckpointError: the text encoder has not been trained.
        """
        settings = self.settings
        if not load_average(self.denoiser.text_encoder, self.folder / "text" / STATE_FILE):
            raise CheckpointError(
                f"{self.folder} has no trained text encoder: run that stage first"
            )
        self.denoiser.text_encoder.requires_grad_(False)
        training = self._training(self.denoiser, "diffusion", settings.diffusion)
        alphas = diffusion.build_scheduler().alphas_cumprod
        latents = self.latents()

        def draw(generator: torch.Generator) -> tuple[Tensor, ...]:
            chosen = torch.randint(latents.shape[1], (settings.batch,), generator=generator)
            copies = self._choose_copies(generator)
            noisy = diffusion.corrupt(latents[copies, chosen], alphas, generator)
            return (self._captions(chosen, generator)[0], *noisy)

        self._finish(training, draw, diffusion.loss, "diffusion", report)

    def _choose_copies(self, generator: torch.Generator) -> Tensor:
        count, copies = self.settings.batch, self.settings.moved_copies
        moved = torch.rand(count, generator=generator) < self.settings.moved_share
        which = torch.randint(1, copies + 1, (count,), generator=generator)
        return torch.where(moved, which, torch.zeros_like(which)) if copies else which * 0

    def _captions(self, chosen: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return tokens (n, length) of captions drawn for images, and which are empty (n,)."""
        seed = int(torch.randint(2**31, (1,), generator=generator))
        chance = random.Random(seed)  # noqa: S311 - captions, not secrets
        said = [captions.caption(self.images[index].emoji, chance) for index in chosen.tolist()]
        shown = [one if chance.random() >= self.settings.empty_share else "" for one in said]
        empty = torch.tensor([not one for one in shown])
        return tokenizer.tokenize(self.tokenizer, shown), empty

    def snapshot(self) -> Run:
        """Return a copy of the run with the averaged weights saved so far, where there are any."""
        other = copy.copy(self)
        other.autoencoder = copy.deepcopy(self.autoencoder)
        other.denoiser = copy.deepcopy(self.denoiser)
        other.restore()
        return other
