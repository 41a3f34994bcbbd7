"""``vitrail export-encoder``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrail.service.cli.completion import CHECKPOINTS, values
from vitrail.service.cli.options import (
    CollectionOption,
    JsonOption,
    NoProgressOption,
    SpacesOption,
    collection_directory,
)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("export-encoder")(export_encoder)


def export_encoder(
    folder: Annotated[
        Path,
        typer.Argument(help="New folder, a model directory like any other.", metavar="FOLDER"),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="openvino, onnx, torch-export, coreml or tensorrt.",
            metavar="TARGET",
            autocompletion=values("openvino", "onnx", "torch-export", "coreml", "tensorrt"),
        ),
    ] = "openvino",
    precision: Annotated[
        str,
        typer.Option(
            help="fp32, fp16, bf16, int8 or int4.",
            metavar="BITS",
            autocompletion=values("fp32", "fp16", "bf16", "int8", "int4"),
        ),
    ] = "int8",
    weights_only: Annotated[
        bool,
        typer.Option(
            "--weights-only",
            help="Of int8: leave what layers are given in floating point; slower, and safer.",
        ),
    ] = False,
    collection: CollectionOption = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            help="Export this one, measured on --images, in place of a collection's encoder: Hub "
            "name, local directory, or dinov2-small-focus (embedded).",
            metavar="NAME",
            show_default=False,
            autocompletion=values(*CHECKPOINTS),
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="Folder of images to measure on, beside --checkpoint.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    space: SpacesOption = None,
    sample: Annotated[
        int, typer.Option(help="Images to calibrate and measure on, at most.", metavar="N", min=24)
    ] = 300,
    seed: Annotated[int, typer.Option(help="Of the draw.", metavar="N", min=0)] = 0,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Keep an export that falls short. It stays marked, and neither searches nor fills "
            "a collection of its source.",
        ),
    ] = False,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
) -> None:
    """Export an encoder to another runtime, and certify it.

    The export takes pixels and gives all spaces; "vitrail index --checkpoint FOLDER" takes it like
    any other model. It is held against its source on your own images: cosines, the ten nearest
    hits, copies that are found, labels of the head. What falls short is refused. What is certified
    may search and fill collections of its source. Interrupted, nothing is left behind.
    """
    from vitrail.indexer.paths import at_home
    from vitrail.service.cli.export_report import print_certificate, print_exported
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.export_requests import ExportRequest, run_export
    from vitrail.service.operations.export_sources import ExportOptions
    from vitrail.service.operations.exporting import ShortfallError

    request = ExportRequest(
        folder=at_home(folder),
        target=to,
        precision=precision,
        weights_only=weights_only,
        collection=None if checkpoint is not None else collection_directory(collection),
        checkpoint=checkpoint,
        images=None if images is None else at_home(images),
        spaces=tuple(space or ()),
        options=ExportOptions(sample=sample, seed=seed, forced=force),
    )
    try:
        with AnalysisViewer(quiet=quiet, doing="reading images") as viewer:
            made = run_export(request, progress=viewer, cancellation=viewer.cancellation)
    except ShortfallError as error:
        if not json:
            print_certificate(error.certificate)
        raise
    print_exported(made, as_json=json)
