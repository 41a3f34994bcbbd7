"""Verbs about where an image comes from: lineage and reproduce."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrail.service.cli.options import CollectionOption, JsonOption, collection_directory


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
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.search.lineage import children, parents
    from vitrail.service.cli.reports import print_lineage

    with CollectionStore.open(collection_directory(collection)) as store:
        image_id = store.resolve(image)
        (row,) = store.metadata([image_id])
        print_lineage(row, parents(store, image_id), children(store, image_id), as_json=json)


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
) -> None:
    """Run an image's recipe again, and compare.

    Told are whether bytes and pixels are the same, and how alike the images are.

    Exit code 0 says that the pixels are the same, 1 that they differ.
    """
    from vitrail.service.operations.reproducing import reproduce_image

    directory = collection_directory(collection)
    if not reproduce_image(
        directory, image, out, model=model, loras=lora or (), ip_adapter=ip_adapter
    ):
        raise typer.Exit(1)
