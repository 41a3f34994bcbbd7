"""``vitrail train-encoder``: encoders made better at one's own images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.completion import USUAL_SPACES, values
from vitrail.service.cli.learning_options import (
    AccumulateOption,
    AugmentOption,
    EpochsOption,
    HeldOutOption,
    LearnedFilterOption,
    PatienceOption,
    RecomputeOption,
    SaveEveryOption,
    ValidationOption,
    WarmupOption,
    WeightDecayOption,
    WorkersOption,
)
from vitrail.service.cli.options import (
    CheckpointOption,
    CollectionOption,
    DeviceOption,
    JsonOption,
    NoProgressOption,
    PrecisionOption,
    collection_directory,
)

if TYPE_CHECKING:
    from vitrail.indexer.training.options import FinetuningOptions
    from vitrail.indexer.training.splits import SplitShares


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("train-encoder")(train_encoder)


@dataclass(frozen=True)
class Teaching:
    """How an encoder is taught."""

    objective: Annotated[
        str,
        typer.Option(
            help="cross-entropy teaches a head labels; contrastive moves images of one label "
            "together, for searching; both does both.",
            metavar="KIND",
            autocompletion=values("cross-entropy", "contrastive", "both"),
        ),
    ] = "cross-entropy"
    epochs: EpochsOption = 10
    batch: Annotated[int, typer.Option(help="Images a step.", metavar="N", min=1)] = 32
    accumulate: AccumulateOption = 1
    learning_rate: Annotated[
        float, typer.Option(help="Highest, of the last block.", metavar="RATE")
    ] = 1e-4
    head_rate: Annotated[
        float, typer.Option(help="How many times that is the head's.", metavar="X")
    ] = 10.0
    weight_decay: WeightDecayOption = 0.05
    warmup: WarmupOption = 0.1
    layer_decay: Annotated[
        float,
        typer.Option(
            help="Each block has this share of the rate of the one after it; 1 for the same.",
            metavar="SHARE",
        ),
    ] = 0.75
    freeze: Annotated[
        int,
        typer.Option(
            help="First blocks that stay as they are, and the embeddings with them.",
            metavar="N",
            min=0,
        ),
    ] = 0
    head_only: Annotated[bool, typer.Option("--head-only", help="Let only the head learn.")] = False
    lora: Annotated[
        int,
        typer.Option(
            help="Learn low-rank weights of this rank in the blocks' place, merged in the end; 0 "
            "for none.",
            metavar="RANK",
            min=0,
        ),
    ] = 0
    space: Annotated[
        str | None,
        typer.Option(
            help="Space that is moved by contrast and that states are judged in. Default: the "
            "last layer's.",
            metavar="SPACE",
            show_default=False,
            autocompletion=values(*USUAL_SPACES),
        ),
    ] = None
    temperature: Annotated[
        float, typer.Option(help="Of the contrastive objective.", metavar="X")
    ] = 0.1
    smoothing: Annotated[
        float, typer.Option(help="Share of targets spread over all labels.", metavar="SHARE")
    ] = 0.1
    mixup: Annotated[
        float,
        typer.Option(help="Mix images and labels; such as 0.2. 0 for never.", metavar="ALPHA"),
    ] = 0.0
    augment: AugmentOption = "light"
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Let rare labels count as much as frequent ones.")
    ] = False
    patience: PatienceOption = 0
    device: DeviceOption = "auto"
    precision: PrecisionOption = "auto"
    recompute: RecomputeOption = False
    workers: WorkersOption = 2
    save_every: SaveEveryOption = 100
    seed: Annotated[
        int, typer.Option(help="Of the split, the draws and the head.", metavar="N", min=0)
    ] = 0
    validation: ValidationOption = 0.15
    held_out: HeldOutOption = 0.2
    held_out_labels: Annotated[
        int,
        typer.Option(
            help="Labels kept whole for the report, to tell of kinds that were never learned.",
            metavar="N",
            min=0,
        ),
    ] = 0

    def options(self) -> FinetuningOptions:
        """As values, checked.

        Raises:
            InputError: one cannot be used.
        """
        from vitrail.indexer.training.options import FinetuningOptions

        return FinetuningOptions(
            objective=self.objective,  # type: ignore[arg-type]
            epochs=self.epochs,
            batch=self.batch,
            accumulate=self.accumulate,
            learning_rate=self.learning_rate,
            head_rate=self.head_rate,
            weight_decay=self.weight_decay,
            warmup=self.warmup,
            layer_decay=self.layer_decay,
            freeze=self.freeze,
            head_only=self.head_only,
            lora=self.lora,
            space=self.space,
            temperature=self.temperature,
            smoothing=self.smoothing,
            mixup=self.mixup,
            augmentation=self.augment,  # type: ignore[arg-type]
            balanced=self.balanced,
            patience=self.patience,
            device=self.device,
            precision=self.precision,
            recompute=self.recompute,
            workers=self.workers,
            save_every=self.save_every,
            seed=self.seed,
        )

    def shares(self) -> SplitShares:
        """Of the parts, checked.

        Raises:
            InputError: they leave nothing to train on.
        """
        from vitrail.indexer.training.splits import SplitShares

        return SplitShares(self.validation, self.held_out, self.held_out_labels)


@bundled("teaching", Teaching)
def train_encoder(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders whose subfolders are labels. Without any, images of the collection.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder, which becomes the trained checkpoint.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    collection: CollectionOption = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Column of the collection whose values are labels, such as label.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None,
    where: LearnedFilterOption = None,
    checkpoint: CheckpointOption = None,
    *,
    teaching: Teaching,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
) -> None:
    """Fine-tune a ViT on labelled images.

    Some images are held out, copies never on both sides, and the report (training/report.html in
    the new folder) tells how well they are found before and after. The folder is a checkpoint like
    any other: "vitrail index FOLDER --checkpoint OUT", and "vitrail classify --by head". Ctrl-C
    and kills lose nothing that matters: run the same command to go on.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.service.cli.training_report import print_trained, write_training_report
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.training_encoders import train_encoder as run
    from vitrail.service.operations.training_images import TrainingSource

    if out is None:
        raise InputError("name a new folder for the trained checkpoint by --out")
    named = None if folders else str(collection_directory(collection))
    source = TrainingSource(tuple(map(str, folders or ())), named, labels, where)
    with AnalysisViewer(quiet=quiet, doing="looking for images") as viewer:
        made = run(
            source,
            str(out.expanduser()),
            teaching.options(),
            checkpoint=checkpoint,
            shares=teaching.shares(),
            progress=viewer,
            cancellation=viewer.cancellation,
        )
    write_training_report(made)
    print_trained(made, as_json=json)
