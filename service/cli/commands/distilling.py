"""``vitrail distil``: a small encoder taught by a large one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.completion import CHECKPOINTS, USUAL_SPACES, values
from vitrail.service.cli.learning_options import (
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
    CollectionOption,
    DeviceOption,
    JsonOption,
    NoProgressOption,
    PrecisionOption,
    collection_directory,
)

if TYPE_CHECKING:
    from vitrail.indexer.training.distilling import DistillingOptions


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("distil")(distil)


@dataclass(frozen=True)
class Lesson:
    """How a student is taught."""

    space: Annotated[
        str | None,
        typer.Option(
            help="The teacher's space to keep, such as cls@12. Default: the teacher's own.",
            metavar="SPACE",
            show_default=False,
            autocompletion=values(*USUAL_SPACES),
        ),
    ] = None
    epochs: EpochsOption = 20
    batch: Annotated[
        int,
        typer.Option(help="Images a step, whose likenesses are compared.", metavar="N", min=3),
    ] = 32
    accumulate: Annotated[
        int,
        typer.Option(
            help="Parts in which a step's images go through the models, to save memory.",
            metavar="N",
            min=1,
        ),
    ] = 1
    vectors: Annotated[
        float | None,
        typer.Option(
            help="Weight of the vectors' distances. Default: 1, or 0 with fewer --layers alone.",
            metavar="X",
            show_default=False,
        ),
    ] = None
    relations: Annotated[
        float,
        typer.Option(help="Weight of which images are most alike.", metavar="X"),
    ] = 1.0
    tokens: Annotated[
        float | None,
        typer.Option(
            help="Weight of the blocks' tokens, one block for another. Default: 0.1, or 0 with "
            "fewer --layers alone.",
            metavar="X",
            show_default=False,
        ),
    ] = None
    logits: Annotated[
        float,
        typer.Option(help="Weight of what the head says, where the teacher has one.", metavar="X"),
    ] = 1.0
    temperature: Annotated[
        float, typer.Option(help="By which the heads' answers are softened.", metavar="X")
    ] = 2.0
    coarse: Annotated[
        float,
        typer.Option(
            help="Share of the steps, the first ones, that see images at half their side, in about "
            "two fifths of the time.",
            metavar="SHARE",
        ),
    ] = 0.0
    learning_rate: Annotated[float, typer.Option(help="Highest.", metavar="RATE")] = 1e-4
    weight_decay: WeightDecayOption = 0.05
    warmup: WarmupOption = 0.1
    augment: AugmentOption = "light"
    patience: PatienceOption = 0
    device: DeviceOption = "auto"
    precision: PrecisionOption = "auto"
    recompute: RecomputeOption = False
    workers: WorkersOption = 2
    save_every: SaveEveryOption = 100
    seed: Annotated[int, typer.Option(help="Of the split and the draws.", metavar="N", min=0)] = 0

    def options(self) -> DistillingOptions:
        """As values, checked.

        Raises:
            InputError: one cannot be used.
        """
        from vitrail.indexer.training.distilling import DistillingOptions

        return DistillingOptions(
            space=self.space,
            epochs=self.epochs,
            batch=self.batch,
            accumulate=self.accumulate,
            vectors=self.vectors,
            relations=self.relations,
            tokens=self.tokens,
            logits=self.logits,
            temperature=self.temperature,
            coarse=self.coarse,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            warmup=self.warmup,
            augmentation=self.augment,  # type: ignore[arg-type]  # checked there
            patience=self.patience,
            device=self.device,
            precision=self.precision,
            recompute=self.recompute,
            workers=self.workers,
            save_every=self.save_every,
            seed=self.seed,
        )


@bundled("lesson", Lesson)
def distil(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders of images to learn from. Without any, those of the collection.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder, which becomes the student.", metavar="FOLDER", show_default=False
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Checkpoint to learn from: Hub name, directory or dinov2-small-focus.",
            metavar="NAME",
            show_default=False,
            autocompletion=values(*CHECKPOINTS),
        ),
    ] = None,
    student: Annotated[
        str | None,
        typer.Option(
            help="Checkpoint that learns. Without, one is cut out of the teacher by --layers, "
            "--mlp-ratio and --width.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(
            help="Blocks of the teacher that the student keeps, the first.",
            metavar="N",
            min=1,
            show_default=False,
        ),
    ] = None,
    mlp_ratio: Annotated[
        int | None,
        typer.Option(
            help="Width of the MLPs within its blocks, in widths of its tokens (most ViTs have 4): "
            "some neurons are kept, and fitted anew to what all said.",
            metavar="N",
            min=1,
            show_default=False,
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            help="Width of its tokens: the channels and heads that count most are kept.",
            metavar="N",
            min=1,
            show_default=False,
        ),
    ] = None,
    collection: CollectionOption = None,
    where: LearnedFilterOption = None,
    sample: Annotated[
        int, typer.Option(help="Of more images so many are drawn at random.", metavar="N", min=20)
    ] = 20_000,
    validation: ValidationOption = 0.1,
    held_out: HeldOutOption = 0.15,
    *,
    lesson: Lesson,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
) -> None:
    """Teach a small encoder to find what a large one finds.

    No labels are needed.

    The student is given, or cut out of the teacher. It learns which images the teacher finds alike,
    its vectors, the tokens of its blocks and what its head says. Some images are held out,
    copies never on both sides, and what it keeps of the teacher's retrieval on these is told. The
    folder is a checkpoint like any other. Ctrl-C and kills lose nothing that matters: run the same
    command to go on.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.service.cli.distilled import print_distilled
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.distilling import distil as run
    from vitrail.service.operations.distilling import request_of
    from vitrail.service.operations.unlabelled import UnlabelledSource

    if out is None or teacher is None:
        raise InputError("name the checkpoint to learn from by --teacher, a new folder by --out")
    named = None if folders else str(collection_directory(collection))
    source = UnlabelledSource(tuple(map(str, folders or ())), named, where, sample, lesson.seed)
    request = request_of(
        source,
        teacher,
        str(out.expanduser()),
        lesson.options(),
        student=student,
        layers=layers,
        width=width,
        mlp_ratio=mlp_ratio,
        validation=validation,
        held_out=held_out,
    )
    with AnalysisViewer(quiet=quiet, doing="looking for images") as viewer:
        made = run(request, progress=viewer, cancellation=viewer.cancellation)
    print_distilled(made, as_json=json)
