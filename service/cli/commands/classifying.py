"""``vitrail classify`` and ``vitrail labels``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.completion import collection_spaces, values
from vitrail.service.cli.options import (
    CollectionOption,
    DeviceOption,
    Filtering,
    JsonOption,
    NoProgressOption,
    PrecisionOption,
    RuntimeOption,
    check_target,
    choice,
    collection_directory,
)

if TYPE_CHECKING:
    from vitrail.service.operations.labels import By, LabelledBy

_WAYS: dict[str, By] = {"head": "head", "knn": "knn", "probe": "probe"}
_LEARNED: dict[str, LabelledBy] = {"knn": "knn", "probe": "probe"}

_SpaceOption = Annotated[
    str | None,
    typer.Option(
        help="Space whose vectors are used. Default: what a search weighs most; for a probe the "
        "stored one that it is derived from.",
        metavar="SPACE",
        show_default=False,
        autocompletion=collection_spaces,
    ),
]
_SampleOption = Annotated[
    int, typer.Option(help="Labelled images to learn from, at most.", metavar="N", min=10)
]
_SeedOption = Annotated[int, typer.Option(help="Of the draw and the folds.", metavar="N", min=0)]
_LeastOption = Annotated[
    float,
    typer.Option(help="Tell no label that is less likely than this, 0 to 1.", metavar="P"),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("classify")(classify)
    app.command("labels")(labels)


@bundled("filtering", Filtering)
def classify(
    images: Annotated[
        list[str] | None,
        typer.Argument(
            help="Image files, or images of the collection by id or path.",
            metavar="IMAGE",
            show_default=False,
        ),
    ] = None,
    collection: CollectionOption = None,
    *,
    filtering: Filtering,
    by: Annotated[
        str | None,
        typer.Option(
            help="head (the checkpoint's own), knn (vote of the nearest labelled images) or probe "
            "(linear). Default: knn with --labels, head without.",
            metavar="WAY",
            show_default=False,
            autocompletion=values("head", "knn", "probe"),
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Column whose values are told, such as label.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None,
    space: _SpaceOption = None,
    top: Annotated[
        int, typer.Option(help="Labels told of each image, best first.", metavar="N", min=1)
    ] = 1,
    min_probability: _LeastOption = 0.0,
    write: Annotated[
        str | None,
        typer.Option(
            help="Keep the labels as this column of your own, and their probabilities as "
            "COLUMN_probability, for --where.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None,
    refit: Annotated[
        bool, typer.Option("--refit", help="Learn a probe anew, though one is kept.")
    ] = False,
    sample: _SampleOption = 10_000,
    seed: _SeedOption = 0,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Tell what images are of.

    By the checkpoint's own head, where it has one, or by labels of your own (folders' names, a
    column of "vitrail annotate"): the nearest labelled images vote, or a linear probe decides,
    which is learned once and kept in the collection. Probabilities are calibrated on images that
    took no part.
    """
    from vitrail.service.cli.labelling import print_classification
    from vitrail.service.cli.references import read_query_image
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.classifications import ClassifyOptions
    from vitrail.service.operations.classifying import classify as run
    from vitrail.service.operations.collection import Collection

    way = None if by is None else _WAYS[choice("--by", by, tuple(_WAYS))]
    options = ClassifyOptions(way, labels, space, top, min_probability, refit, sample, seed)
    directory = collection_directory(collection)
    with Collection.open(directory, runtime=runtime, device=device, precision=precision) as opened:
        named = [read_query_image(opened.store, text, piped=False) for text in images or ()]
        with AnalysisViewer(quiet=quiet) as viewer:
            made = run(
                opened,
                named,
                options,
                where=filtering.where,
                only=filtering.kind,
                write=write,
                progress=viewer,
                cancellation=viewer.cancellation,
            )
    print_classification(made, as_json=json, write=write)
    if any(image.error for image in made.images):
        raise typer.Exit(1)


def labels(
    what: Annotated[
        str,
        typer.Argument(
            help="report: how well labels can be told, label by label. suspects: which are likely "
            "wrong, and images unlike all others.",
            metavar="report|suspects",
            autocompletion=values("report", "suspects"),
        ),
    ],
    collection: CollectionOption = None,
    labels: Annotated[
        str, typer.Option(help="Column whose values are the labels.", metavar="COLUMN")
    ] = "label",
    by: Annotated[
        str,
        typer.Option(
            help="knn (vote of the nearest labelled images) or probe (linear).",
            metavar="WAY",
            autocompletion=values("knn", "probe"),
        ),
    ] = "knn",
    space: _SpaceOption = None,
    min_probability: _LeastOption = 0.0,
    limit: Annotated[int, typer.Option(help="Suspects printed, at most.", metavar="N", min=1)] = 20,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Also write a page: the confusion matrix, whose cells open the images, or the "
            "suspects beside the nearest images of both labels.",
            metavar="FILE",
        ),
    ] = None,
    sample: _SampleOption = 10_000,
    seed: _SeedOption = 0,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
) -> None:
    """Find out whether labels are right.

    Each image's label is told by other images, never by itself or a copy of it. "report" prints how
    often that is right, label by label; "suspects" the images of which others are sure that they
    have another label, and those that are unlike all others. Nothing is changed.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.service.cli.label_pages import write_confusion, write_suspects
    from vitrail.service.cli.labelling import print_report, print_suspects
    from vitrail.service.cli.text import one_line
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.examining import assess_labels, find_suspects
    from vitrail.service.operations.labels import LabelOptions

    if what not in ("report", "suspects"):
        raise InputError(f"labels {what!r} is unknown; use report or suspects")
    if what == "suspects" and min_probability:
        raise InputError("--min-probability goes with labels report; leave it out")
    if html is not None:
        check_target(html, "page")
    way = _LEARNED[choice("--by", by, tuple(_LEARNED))]
    options = LabelOptions(labels, way, space, sample, seed)
    with (
        Collection.open(collection_directory(collection)) as opened,
        AnalysisViewer(quiet=quiet) as viewer,
    ):
        if what == "report":
            report = assess_labels(
                opened,
                options,
                min_probability=min_probability,
                progress=viewer,
                cancellation=viewer.cancellation,
            )
        else:
            found = find_suspects(
                opened, options, progress=viewer, cancellation=viewer.cancellation
            )
    if html is not None:
        write_confusion(html, report) if what == "report" else write_suspects(html, found)
    if what == "report":
        print_report(report, as_json=json)
    else:
        print_suspects(found, limit, as_json=json)
    if html is not None:
        typer.echo(one_line(f"page: {html}"), err=True)
