"""Verbs about where an image comes from: lineage and reproduce."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrail.indexer.paths import at_home
from vitrail.service.cli.options import (
    CollectionOption,
    DeviceOption,
    JsonOption,
    PrecisionOption,
    check_target,
    collection_directory,
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for name, command in (("lineage", lineage), ("reproduce", reproduce)):
        app.command(name)(command)


def lineage(
    image: Annotated[
        str, typer.Argument(help="Image by id, path or content hash.", metavar="IMAGE")
    ],
    collection: CollectionOption = None,
    json: JsonOption = False,
) -> None:
    """Show what an image was made from.

    Its parents, its recipe, and what was made from it.
    """
    from vitrail.service.cli.references import read_stored_image
    from vitrail.service.cli.reports import print_lineage
    from vitrail.service.operations.lineage import trace_lineage
    from vitrail.service.operations.reading import open_reader

    with open_reader(collection_directory(collection)) as store:
        print_lineage(trace_lineage(store, read_stored_image(store, image)), as_json=json)


def reproduce(
    image: Annotated[
        str, typer.Argument(help="Generated image by id, path or content hash.", metavar="IMAGE")
    ],
    collection: CollectionOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Also keep the new image here.", metavar="FILE", show_default=False),
    ] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option(
            help="A LoRA file of the recipe that was moved; may be repeated.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    ip_adapter: Annotated[
        str | None,
        typer.Option(
            help="The recipe's IP-Adapter, if it was moved: a file or directory.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="The recipe's checkpoint, if it has another name or place now.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Run an image's recipe again, and compare.

    Told are whether bytes and pixels are the same, and how alike the images are.

    Exit code 0 says that the pixels are the same, 1 that they differ.
    """
    from vitrail.service.cli.progress import waiting
    from vitrail.service.cli.references import read_stored_image
    from vitrail.service.cli.reports import print_reproduction
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.reproducing import ReproductionOptions
    from vitrail.service.operations.reproducing import reproduce as run

    if out is not None:
        check_target(out, "image")
    options = ReproductionOptions(model, tuple(lora or ()), ip_adapter, device, precision)
    with Collection.open(collection_directory(collection)) as opened:
        named = read_stored_image(opened.store, image)
        with waiting("running the recipe again"):
            done = run(opened, named, options)
    if out is not None:
        at_home(out).write_bytes(done.png)
    print_reproduction(done)
    if not done.pixels_equal:
        raise typer.Exit(1)
