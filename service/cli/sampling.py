"""Options that the generating commands share, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.bundles import Command, bundled
from vitrail.service.cli.options import (
    CheckpointOption,
    CollectionOption,
    DeviceOption,
    JsonOption,
    PrecisionOption,
    QuietOption,
    SpacesOption,
    collection_directory,
)

if TYPE_CHECKING:
    from vitrail.service.operations.guarding import GuardOptions
    from vitrail.service.operations.tasks import GenerationOptions

PromptArgument = Annotated[str, typer.Argument(help="What to draw.", metavar="PROMPT")]
ImageArgument = Annotated[
    str, typer.Argument(help="File, or indexed image by id or path.", metavar="IMAGE")
]


def _schedulers(incomplete: str) -> list[str]:
    from vitrail.generator.checkpoints.schedulers import SCHEDULERS

    return [name for name in SCHEDULERS if name.startswith(incomplete)]


GuardOption = Annotated[
    float | None,
    typer.Option(
        help="Keep no copies: refuse images at this false-positive rate, such as 0.01.",
        metavar="FPR",
        show_default=False,
    ),
]
AgainstOption = Annotated[
    str | None,
    typer.Option(
        help="SQL filter: the images that are not to be copied, such as a training set. Default: "
        "not generated.",
        metavar="EXPRESSION",
        show_default=False,
    ),
]
RetriesOption = Annotated[
    int | None,
    typer.Option(
        help="Other seeds to try in the place of one whose image is refused. Default: none.",
        metavar="N",
        show_default=False,
    ),
]
MarkOption = Annotated[
    str | None,
    typer.Option(
        help="Keep copies too, and write each image's false-positive rate to this column of your "
        "own.",
        metavar="COLUMN",
        show_default=False,
    ),
]


def read_guard(
    rate: float | None, against: str | None, retries: int | None, mark: str | None
) -> GuardOptions | None:
    """What the four options say; ``None`` without any of them.

    Raises:
        InputError: there is no rate beside the others, or one of them is unusable.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.service.operations.guarding import GuardOptions

    if rate is None:
        others = {"--against": against, "--retries": retries, "--mark": mark}
        if given := [name for name, value in others.items() if value is not None]:
            raise InputError(f"{given[0]} says what a guard does; set one with --guard FPR")
        return None
    references = "not generated" if against is None else against
    return GuardOptions(rate, references, retries or 0, mark)


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
    json: JsonOption = False
    quiet: QuietOption = False

    @property
    def options(self) -> GenerationOptions:
        """How to generate."""
        from vitrail.generator.checks import Sampling
        from vitrail.service.operations.opening import EncoderChoice
        from vitrail.service.operations.tasks import GenerationOptions

        return GenerationOptions(
            sampling=Sampling(
                self.n, self.seed, self.negative, self.scheduler, self.steps, self.guidance
            ),
            width=self.width,
            height=self.height,
            loras=tuple(self.lora or ()),
            model=self.model,
            device=self.device,
            precision=self.precision,
            force=self.force,
            # --device and --precision are the generator's
            encoder=EncoderChoice(self.checkpoint, tuple(self.space or ())),
        )

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
