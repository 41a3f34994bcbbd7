"""How a generator is trained, as typer reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.completion import values
from vitrail.service.cli.learning_options import (
    AccumulateOption,
    RecomputeOption,
    WarmupOption,
    WeightDecayOption,
)
from vitrail.service.cli.options import DeviceOption, PrecisionOption

if TYPE_CHECKING:
    from vitrail.generator.training.options import GeneratorOptions
    from vitrail.service.operations.generator_records import Prior


@dataclass(frozen=True)
class Practice:
    """How a generator is trained."""

    method: Annotated[
        str,
        typer.Option(
            help="lora learns low-rank weights, merged in the end and kept as files, too; full "
            "lets the whole U-Net learn; inversion learns what --token means, and no more.",
            metavar="HOW",
            autocompletion=values("lora", "full", "inversion"),
        ),
    ] = "lora"
    token: Annotated[
        list[str] | None,
        typer.Option(
            help="Token that inversion learns and captions name, a word in angle brackets; may be "
            "repeated.",
            metavar="TOKEN",
            show_default=False,
        ),
    ] = None
    initial: Annotated[
        str | None,
        typer.Option(
            help="Words that each token begins as, such as 'striped dog'. Default: none, like any.",
            metavar="WORDS",
            show_default=False,
        ),
    ] = None
    vectors: Annotated[
        int | None,
        typer.Option(
            help="Of each token: the more, the more it can say, and the longer it is. Default: "
            "as many as --initial has, or 1.",
            metavar="N",
            min=1,
            show_default=False,
        ),
    ] = None
    rank: Annotated[int, typer.Option(help="Of the low-rank weights.", metavar="N", min=1)] = 16
    targets: Annotated[
        str,
        typer.Option(
            help="Layers that low-rank weights lie beside: attention, or all of the U-Net's "
            "blocks.",
            metavar="WHICH",
            autocompletion=values("attention", "all"),
        ),
    ] = "attention"
    text: Annotated[bool, typer.Option("--text", help="Let the text encoders learn, too.")] = False
    steps: Annotated[int, typer.Option(help="How many.", metavar="N", min=1)] = 1000
    batch: Annotated[
        int,
        typer.Option(help="Images a step; as many again of the prior.", metavar="N", min=1),
    ] = 4
    accumulate: AccumulateOption = 1
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Highest. Default: 1e-4 of lora, 1e-5 of full, 2e-3 of inversion.",
            metavar="RATE",
            show_default=False,
        ),
    ] = None
    weight_decay: WeightDecayOption = 0.01
    warmup: WarmupOption = 0.05
    snr: Annotated[
        float,
        typer.Option(
            help="Limit by which steps of little noise weigh (min-SNR); 0 weighs all alike.",
            metavar="X",
        ),
    ] = 5.0
    offset_noise: Annotated[
        float,
        typer.Option(
            help="Noise that a channel has in common, such as 0.05: darker and brighter images.",
            metavar="X",
        ),
    ] = 0.0
    empty: Annotated[
        float,
        typer.Option(
            help="Share of the captions that are left out, for guidance.", metavar="SHARE"
        ),
    ] = 0.1
    average: Annotated[
        float | None,
        typer.Option(
            help="Share that each step leaves of the weights' moving average, which is kept in the "
            "end; 0 for none. Default: 0.999 of full, else none.",
            metavar="SHARE",
            show_default=False,
        ),
    ] = None
    side: Annotated[
        int | None,
        typer.Option(
            help="Pixels, to which images are cut square. Default: the model's own.",
            metavar="N",
            min=8,
            show_default=False,
        ),
    ] = None
    mirror: Annotated[bool, typer.Option("--mirror", help="See half of the images mirrored.")] = (
        False
    )
    prior: Annotated[
        str | None,
        typer.Option(
            help="What is to be drawn as before: the class of the images, such as 'a dog' "
            "(DreamBooth).",
            metavar="PROMPT",
            show_default=False,
        ),
    ] = None
    prior_images: Annotated[
        Path | None,
        typer.Option(
            help="Folder of images of the class, with captions beside them or without. Default: "
            "the model draws some before it learns.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None
    prior_count: Annotated[int, typer.Option(help="How many it draws.", metavar="N", min=1)] = 100
    prior_weight: Annotated[
        float, typer.Option(help="Of the class beside the images.", metavar="X")
    ] = 1.0
    sample: Annotated[
        list[str] | None,
        typer.Option(
            help="Prompt that the sheets of samples show; may be repeated. Default: captions.",
            metavar="PROMPT",
            show_default=False,
        ),
    ] = None
    keep: Annotated[
        bool | None,
        typer.Option(
            "--keep/--no-keep",
            help="Keep the weights of each sheet, for pick-checkpoint. Default: of all but full.",
            show_default=False,
        ),
    ] = None
    sheet_every: Annotated[
        int, typer.Option(help="Steps between sheets of samples.", metavar="N", min=1)
    ] = 250
    save_every: Annotated[
        int,
        typer.Option(
            help="Steps between checkpoints, beside those after each sheet.", metavar="N", min=1
        ),
    ] = 100
    device: DeviceOption = "auto"
    precision: PrecisionOption = "auto"
    recompute: RecomputeOption = False
    seed: Annotated[int, typer.Option(help="Of all that is drawn.", metavar="N", min=0)] = 0

    def options(self) -> GeneratorOptions:
        """As values, checked.

        Raises:
            InputError: one cannot be used.
        """
        from vitrail.generator.training.options import GeneratorOptions

        return GeneratorOptions(
            method=self.method,  # type: ignore[arg-type]  # checked there
            tokens=tuple(self.token or ()),
            initial=self.initial,
            vectors=self.vectors,
            rank=self.rank,
            targets=self.targets,  # type: ignore[arg-type]
            text=self.text,
            steps=self.steps,
            batch=self.batch,
            accumulate=self.accumulate,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            warmup=self.warmup,
            snr=self.snr,
            offset_noise=self.offset_noise,
            empty=self.empty,
            average=self.average,
            side=self.side,
            mirror=self.mirror,
            prior_weight=self.prior_weight,
            precision=self.precision,
            device=self.device,
            recompute=self.recompute,
            keep=self.keep,
            sheet_every=self.sheet_every,
            save_every=self.save_every,
            seed=self.seed,
        )

    def kept(self) -> Prior | None:
        """What is to be drawn as before.

        Raises:
            InputError: images of a class that nobody named.
        """
        from vitrail.indexer.errors import InputError
        from vitrail.service.operations.generator_records import Prior

        if self.prior is None:
            if self.prior_images is not None:
                raise InputError("name the class of --prior-images by --prior, such as 'a dog'")
            return None
        folder = self.prior_images
        return Prior(
            self.prior, None if folder is None else str(folder.expanduser()), self.prior_count
        )
