"""Options that the generating commands share, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.bundles import Command, bundled
from vitrail.service.cli.options import (
    CheckpointOption,
    CollectionOption,
    DeviceOption,
    PrecisionOption,
    QuietOption,
    SpacesOption,
    collection_directory,
)

if TYPE_CHECKING:
    from vitrail.generator.adapters.loras import LoraFile
    from vitrail.generator.checkpoints.files import CheckpointInfo
    from vitrail.generator.checks import Sampling

PromptArgument = Annotated[str, typer.Argument(help="What to draw.", metavar="PROMPT")]
ImageArgument = Annotated[
    str, typer.Argument(help="File, or indexed image by id or path.", metavar="IMAGE")
]


def _schedulers(incomplete: str) -> list[str]:
    from vitrail.generator.checkpoints.schedulers import SCHEDULERS

    return [name for name in SCHEDULERS if name.startswith(incomplete)]


SizeOption = Annotated[
    int | None,
    typer.Option(help="In pixels. Default: the model's own.", metavar="N", show_default=False),
]


@dataclass(frozen=True)
class Drawing:
    """How to draw: every field is an option, in the order of the help page."""

    n: Annotated[
        int, typer.Option("--n", "-n", help="Images, from consecutive seeds.", metavar="N")
    ] = 1
    seed: Annotated[int, typer.Option(help="Seed of the first image.", metavar="N")] = 0
    negative: Annotated[
        str, typer.Option("--negative", help="What not to draw.", metavar="TEXT")
    ] = ""
    width: SizeOption = None
    height: SizeOption = None
    steps: Annotated[
        int | None,
        typer.Option(
            help="Denoising steps. Default: the model's own.", metavar="N", show_default=False
        ),
    ] = None
    guidance: Annotated[
        float | None,
        typer.Option(
            help="Weight of classifier-free guidance. Default: the model's own.",
            metavar="W",
            show_default=False,
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Sampler, such as ddim, euler or dpm++2m. Default: the model's own.",
            metavar="NAME",
            show_default=False,
            autocompletion=_schedulers,
        ),
    ] = None
    lora: Annotated[
        list[str] | None,
        typer.Option(
            help="LoRA as FILE or FILE:WEIGHT; may be repeated.", metavar="LORA", show_default=False
        ),
    ] = None
    model: Annotated[
        str,
        typer.Option(
            help="Stable Diffusion checkpoint: embedded, Hub name, directory or file.",
            metavar="NAME",
        ),
    ] = "embedded"
    checkpoint: CheckpointOption = None
    space: SpacesOption = None
    force: Annotated[
        bool, typer.Option("--force", help="Make images again that are there already.")
    ] = False
    collection: CollectionOption = None
    device: DeviceOption = "auto"
    precision: PrecisionOption = "auto"
    quiet: QuietOption = False

    @cached_property
    def info(self) -> CheckpointInfo:
        """The checkpoint, looked at but not loaded.

        Raises:
            CheckpointError: not found, refused, or no Stable Diffusion checkpoint.
        """
        from vitrail.generator.checkpoints.files import find_checkpoint

        return find_checkpoint(self.model)

    @cached_property
    def loras(self) -> tuple[LoraFile, ...]:
        """The LoRA files, in order.

        Raises:
            CheckpointError: one is missing or no safetensors file.
        """
        from vitrail.generator.adapters.loras import open_lora

        return tuple(open_lora(one) for one in self.lora or ())

    @property
    def sampling(self) -> Sampling:
        """Seeds, sampler, steps and guidance."""
        from vitrail.generator.checks import Sampling

        return Sampling(self.n, self.seed, self.negative, self.scheduler, self.steps, self.guidance)

    @property
    def directory(self) -> Path:
        """The collection's directory."""
        return collection_directory(self.collection)


def drawing_options(*, without: Collection[str] = ()) -> Callable[[Command], Command]:
    """Put options in place of a command's ``drawing`` parameter, one for each ``Drawing`` field.

    Args:
        without: fields that the command has no option for.
    """
    return bundled("drawing", Drawing, without=without)
