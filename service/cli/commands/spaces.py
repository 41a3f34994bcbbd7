"""Verbs about embedding spaces: those there are, whitened ones, and what a search weighs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrail.service.cli.options import (
    CollectionOption,
    JsonOption,
    NoProgressOption,
    check_target,
    collection_directory,
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for name, command in (("spaces", spaces), ("whiten", whiten), ("tune-spaces", tune_spaces)):
        app.command(name)(command)


def spaces(
    collection: CollectionOption = None,
    default: Annotated[
        str | None,
        typer.Option(
            help="What a search weighs where --space is not given, such as gem@9/w:0.7,cls@12:0.3; "
            "'' for all stored spaces, equally.",
            metavar="SPACES",
            show_default=False,
        ),
    ] = None,
    drop: Annotated[
        str | None,
        typer.Option(
            help="Take a derived space out; what it is worked out from stays.",
            metavar="SPACE",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List embedding spaces, and say which a search weighs.

    Stored ones come from the encoder ("vitrail reembed --space" changes them), derived ones are
    worked out from a stored one ("vitrail whiten").
    """
    from vitrail.service.cli.spaces import print_spaces
    from vitrail.service.operations.spaces import arrange_spaces

    directory = collection_directory(collection)
    print_spaces(arrange_spaces(directory, default=default, drop=drop), as_json=json)


def whiten(
    space: Annotated[str, typer.Argument(help="A stored space, such as gem@9.", metavar="SPACE")],
    collection: CollectionOption = None,
    dim: Annotated[
        int | None,
        typer.Option(
            help="Keep the widest N dimensions alone, for a smaller and faster index.",
            metavar="N",
            min=1,
            show_default=False,
        ),
    ] = None,
    default: Annotated[
        bool,
        typer.Option("--default", help="Let searches use it where --space is not given."),
    ] = False,
    quiet: NoProgressOption = False,
) -> None:
    """Derive a space that lacks what all images share.

    Raw features of a stored space lie close together, so that unrelated images score high.
    Whitening moves them to their mean and narrows the directions in which they are widely spread,
    fitted on the collection's own images. Nothing is embedded anew; run it again once the
    collection has grown to another. Then copies of some images tell what scores of the space
    mean, as by "vitrail calibrate"; who interrupts that keeps the space.
    """
    from vitrail.service.cli.spaces import print_whitened
    from vitrail.service.cli.viewers import CalibrationViewer
    from vitrail.service.operations.spaces import whiten_and_calibrate

    directory = collection_directory(collection)
    with CalibrationViewer(quiet=quiet) as viewer:
        made = whiten_and_calibrate(
            directory,
            space,
            dim=dim,
            default=default,
            progress=viewer,
            cancellation=viewer.cancellation,
        )
    print_whitened(made, default=default)


def tune_spaces(
    collection: CollectionOption = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Column whose values tell which images belong together, such as label.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None,
    copies: Annotated[
        bool,
        typer.Option(
            "--copies", help="Measure by copies that are made of the images, which need no labels."
        ),
    ] = False,
    sample: Annotated[
        int, typer.Option(help="Images that are embedded, at most.", metavar="N", min=20)
    ] = 500,
    seed: Annotated[int, typer.Option(help="Of the draw and the folds.", metavar="N", min=0)] = 0,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Draw the measures of all layers into a new SVG file.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure, and store nothing.")] = False,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
) -> None:
    """Measure which layers suit the images, and use the best.

    A sample is embedded once, in every layer and pooling. Each space, raw and whitened, and
    mixtures of the best ones are measured by cross-validation: how often the 5 nearest images have
    the right label, or how often a copy finds its original first. The winner becomes what a search
    weighs where --space is not given; if the collection lacks it, the commands that add it are
    named.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.service.cli.layer_plot import write_plot
    from vitrail.service.cli.tuning import print_tuning
    from vitrail.service.cli.viewers import TuningViewer
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.tuning import tune_spaces as run
    from vitrail.service.operations.tuning_samples import TuningOptions

    if (labels is not None) == copies:
        raise InputError("give --labels COLUMN or --copies, one of the two")
    if plot is not None:
        if plot.suffix.lower() != ".svg":
            raise InputError(f"cannot draw the plot into {plot}: name a file that ends in .svg")
        check_target(plot, "plot")
    options = TuningOptions(labels=labels, sample=sample, seed=seed)
    with Collection.open(collection_directory(collection)) as opened:
        with TuningViewer(quiet=quiet) as viewer:
            made = run(
                opened,
                options,
                dry_run=dry_run,
                progress=viewer,
                cancellation=viewer.cancellation,
            )
        if plot is not None:
            write_plot(made, plot)
        print_tuning(made, as_json=json)
