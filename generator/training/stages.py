"""The stages of training: autoencoder, diffusion, decoder; each resumes where it stopped."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from generator.training import autoencoder, captions, diffusion, tokenizer
from generator.training.emoji import EmojiPicture
from generator.training.loop import Plan, Training, averaged
from generator.training.pictures import jitter, to_tensor

Report = Callable[["Run", str, int], None]


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run's result, beside the pictures.

    ``moved_share`` is the share of slightly moved pictures among those the diffusion sees: small,
    because the model is meant to remember its pictures.
    """

    autoencoder_size: autoencoder.AutoencoderSize = autoencoder.AutoencoderSize()
    diffusion_size: diffusion.DiffusionSize = diffusion.DiffusionSize()
    autoencoder: Plan = Plan(steps=1200, learning_rate=1.5e-3, decay=0.4, average=0.995)
    diffusion: Plan = Plan(steps=5000, learning_rate=1e-3, warmup=200, decay=0.3, average=0.999)
    decoder: Plan = Plan(steps=400, learning_rate=1e-3, warmup=20, decay=0.9, average=0.99)
    autoencoder_batch: int = 8
    batch: int = 32
    empty_share: float = 0.1
    moved_share: float = 0.15
    moved_copies: int = 2
    vocabulary: int = 2600
    prompt_length: int = 20
    workers: int = 2


@dataclass
class Run:
    """One training run: its pictures, its folder and the parts made so far."""

    folder: Path
    pictures: list[EmojiPicture]
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.pixels = to_tensor([picture.image for picture in self.pictures])
        names = [picture.emoji for picture in self.pictures]
        self.tokenizer: Any = tokenizer.build(
            captions.corpus(names),
            vocabulary=self.settings.vocabulary,
            length=self.settings.prompt_length,
        )
        torch.manual_seed(0)
        self.autoencoder: nn.Module = autoencoder.build(self.settings.autoencoder_size)
        self.denoiser = diffusion.build(
            self.settings.diffusion_size,
            self.tokenizer,
            self.settings.autoencoder_size.latent_channels,
            self.settings.autoencoder_size.latent,
        )

    def train(self, report: Report | None = None) -> None:
        """Run every stage to its planned end, each from its last checkpoint.

        Raises:
            CheckpointError: a checkpoint is damaged or of other settings.
        """
        self.autoencoder = self.train_autoencoder(report)
        latents = self.encode()
        self.denoiser = self.train_diffusion(latents, report)
        self.autoencoder = self.train_decoder(latents, report)

    def restore(self) -> bool:
        """Load the averaged weights of every stage begun; False when there is no diffusion yet."""
        first = self._training(self.autoencoder, "autoencoder", self.settings.autoencoder)
        if first.resume():
            averaged(self.autoencoder, first.average)
            self.encode()
        last = self._training(self.autoencoder, "decoder", self.settings.decoder)
        if last.resume():
            averaged(self.autoencoder, last.average)
        diffuser = self._training(self.denoiser, "diffusion", self.settings.diffusion)
        begun = diffuser.resume()
        averaged(self.denoiser, diffuser.average)
        return begun

    def _training(self, model: nn.Module, stage: str, plan: Plan) -> Training:
        return Training(model, self.folder / stage, plan, workers=self.settings.workers)

    def _finish(
        self, training: Training, draw: Any, loss: Any, stage: str, report: Report | None
    ) -> None:
        training.resume()
        tell = None if report is None else (lambda step: report(self, stage, step))
        training.run(draw, loss, tell)

    def train_autoencoder(self, report: Report | None = None) -> nn.Module:
        """Return the trained autoencoder, averaged weights."""
        settings = self.settings
        training = self._training(self.autoencoder, "autoencoder", settings.autoencoder)

        def draw(generator: torch.Generator) -> tuple[Tensor, ...]:
            return autoencoder.draw(
                self.pixels, settings.autoencoder_batch, settings.autoencoder_size, generator
            )

        self._finish(training, draw, autoencoder.loss, "autoencoder", report)
        return averaged(self.autoencoder, training.average)

    def encode(self) -> Tensor:
        """Normalise the autoencoder's latents; return them, (copies, n, c, h, w) float32.

        The first copy is of the pictures as they are, the others of slightly moved ones.
        """
        model = self.autoencoder.eval()
        autoencoder.normalise(model, autoencoder.encode(model, self.pixels))
        generator = torch.Generator().manual_seed(1)
        moved = [jitter(self.pixels, generator) for _ in range(self.settings.moved_copies)]
        return torch.stack([autoencoder.encode(model, one) for one in [self.pixels, *moved]])

    def train_diffusion(self, latents: Tensor, report: Report | None = None) -> diffusion.Denoiser:
        """Return the trained text encoder and U-Net, averaged weights.

        Args:
            latents: what ``encode`` returns.
            report: called after each checkpoint.
        """
        settings = self.settings
        training = self._training(self.denoiser, "diffusion", settings.diffusion)
        alphas = diffusion.build_scheduler().alphas_cumprod

        def draw(generator: torch.Generator) -> tuple[Tensor, ...]:
            chosen = torch.randint(latents.shape[1], (settings.batch,), generator=generator)
            copies = self._choose_copies(generator)
            noisy = diffusion.corrupt(latents[copies, chosen], alphas, generator)
            return (self._captions(chosen, generator), *noisy)

        self._finish(training, draw, diffusion.loss, "diffusion", report)
        averaged(self.denoiser, training.average)
        return self.denoiser

    def _choose_copies(self, generator: torch.Generator) -> Tensor:
        count, copies = self.settings.batch, self.settings.moved_copies
        moved = torch.rand(count, generator=generator) < self.settings.moved_share
        which = torch.randint(1, copies + 1, (count,), generator=generator)
        return torch.where(moved, which, torch.zeros_like(which)) if copies else which * 0

    def _captions(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        seed = int(torch.randint(2**31, (1,), generator=generator))
        chance = random.Random(seed)  # noqa: S311 - captions, not secrets
        said = [captions.caption(self.pictures[index].emoji, chance) for index in chosen.tolist()]
        shown = [one if chance.random() >= self.settings.empty_share else "" for one in said]
        return tokenizer.tokenize(self.tokenizer, shown)

    def train_decoder(self, latents: Tensor, report: Report | None = None) -> nn.Module:
        """Return the autoencoder with its decoder trained on; the latents stay as they are."""
        model = self.autoencoder
        model.requires_grad_(False)
        for part in (model.post_quant_conv, model.decoder):
            assert isinstance(part, nn.Module)
            part.requires_grad_(True)
        training = self._training(model, "decoder", self.settings.decoder)

        def draw(generator: torch.Generator) -> tuple[Tensor, ...]:
            count = self.settings.autoencoder_batch
            chosen = torch.randint(len(self.pixels), (count,), generator=generator)
            exact = latents[0, chosen]
            noise = 0.1 * torch.randn(exact.shape, generator=generator)
            return exact + noise, self.pixels[chosen]

        self._finish(training, draw, autoencoder.decoding_loss, "decoder", report)
        model.requires_grad_(True)
        return averaged(model, training.average)

    def snapshot(self, stage: str) -> tuple[nn.Module, diffusion.Denoiser]:
        """Return copies of autoencoder and denoiser with the averages saved so far."""
        other = copy.copy(self)
        other.autoencoder = copy.deepcopy(self.autoencoder)
        other.denoiser = copy.deepcopy(self.denoiser)
        model = other.denoiser if stage == "diffusion" else other.autoencoder
        plan: Plan = getattr(self.settings, stage)
        saved = other._training(model, stage, plan)
        if saved.resume():
            averaged(model, saved.average)
        return other.autoencoder, other.denoiser
