"""``vitrail train-generator``: Stable Diffusion made to know one's own images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.completion import values
from vitrail.service.cli.learning_options import (
    AccumulateOption,
    LearnedFilterOption,
    RecomputeOption,
    WarmupOption,
    WeightDecayOption,
)
from vitrail.service.cli.options import (
    CollectionOption,
    DeviceOption,
    JsonOption,
    NoProgressOption,
    PrecisionOption,
    collection_directory,
)

if TYPE_CHECKING:
    from vitrail.generator.training.options import GeneratorOptions
    from vitrail.service.operations.generator_records import Prior


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("train-generator")(train_generator)


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
            help="Token that inversion learns and captions name, such as '<zeb>'; may be repeated.",
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


@bundled("practice", Practice)
def train_generator(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders of images; cat.txt beside cat.png is its caption. Without any, those of "
            "the collection.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder, which becomes the trained model.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(help="Hub name, directory, safetensors file, or embedded.", metavar="NAME"),
    ] = "embedded",
    prompt: Annotated[
        str | None,
        typer.Option(
            help="One caption for all images, with a word of your own: 'a zeb dog'.",
            metavar="PROMPT",
            show_default=False,
        ),
    ] = None,
    collection: CollectionOption = None,
    captions: Annotated[
        str | None,
        typer.Option(
            help="Column of the collection whose values are captions. Default: what images were "
            "made by.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None,
    where: LearnedFilterOption = None,
    *,
    practice: Practice,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
) -> None:
    """Fine-tune a Stable Diffusion on your images.

    By low-rank weights (LoRA) or as a whole, with --prior so that the class stays what it was
    (DreamBooth); or by a --token that stands for what the images show (textual inversion). Sheets
    of samples and metrics (training/metrics.jsonl in the new folder) tell how it goes. The folder
    is a model like any other: "vitrail generate PROMPT --model OUT"; low-rank weights lie in it as
    files for --lora, and tokens as files, both for diffusers, ComfyUI and A1111. Ctrl-C and kills
    lose nothing that matters: run the same command to go on.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.service.cli.trained_generator import print_trained_generator
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.captioned import CaptionedSource
    from vitrail.service.operations.generator_records import GeneratorRequest
    from vitrail.service.operations.training_generators import train_generator as run

    if out is None:
        raise InputError("name a new folder for the trained model by --out")
    named = None if folders else str(collection_directory(collection))
    source = CaptionedSource(tuple(map(str, folders or ())), named, captions, where, prompt)
    request = GeneratorRequest(
        source,
        model,
        str(out.expanduser()),
        practice.options(),
        practice.kept(),
        tuple(practice.sample or ()),
    )
    with AnalysisViewer(quiet=quiet, doing="looking for images") as viewer:
        made = run(request, progress=viewer, cancellation=viewer.cancellation)
    print_trained_generator(made, as_json=json)
