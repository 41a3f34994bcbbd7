"""``vitrail calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrail.service.cli.completion import collection_spaces
from vitrail.service.cli.options import (
    CollectionOption,
    DeviceOption,
    JsonOption,
    NoProgressOption,
    PrecisionOption,
    RuntimeOption,
    check_target,
    collection_directory,
)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("calibrate")(calibrate)


def calibrate(
    collection: CollectionOption = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="Show what scores of this space mean, or of several with weights: "
            "cls@12:0.7,cls@6:0.3. Default: as searched by.",
            metavar="SPACES",
            show_default=False,
            autocompletion=collection_spaces,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Also draw how the scores of unrelated images and of copies lie.", metavar="FILE"
        ),
    ] = None,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Find out what scores of a collection mean, and show it.

    Pairs of its images tell how high the scores of unrelated ones are, and copies that are made of
    some of them (smaller, cropped, recoloured and so on) how high those of copies are. "vitrail
    index" does the same when the collection has grown by a quarter. Hits are judged by it, and
    --max-fpr cuts them off.
    """
    from vitrail.indexer.spaces import parse_weights
    from vitrail.service.cli.calibration_report import (
        print_meaning,
        print_meaning_as_json,
        write_drawing,
    )
    from vitrail.service.cli.text import one_line
    from vitrail.service.cli.viewers import CalibrationViewer
    from vitrail.service.operations.calibrating import find_meaning
    from vitrail.service.operations.collection import Collection

    if html is not None:
        check_target(html, "drawing")
    directory = collection_directory(collection)
    with Collection.open(directory, runtime=runtime, device=device, precision=precision) as opened:
        weights = None if space is None else parse_weights(space, list(opened.store.spaces))
        with CalibrationViewer(quiet=quiet) as viewer:
            meaning = find_meaning(
                opened, weights, progress=viewer, cancellation=viewer.cancellation
            )
    if html is not None:
        write_drawing(html, meaning)
    if json:
        print_meaning_as_json(meaning)
    else:
        print_meaning(meaning)
    if html is not None:
        typer.echo(one_line(f"drawing: {html}"), err=True)
