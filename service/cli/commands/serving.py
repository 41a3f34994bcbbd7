"""``vitrail serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from vitrail.service.cli.options import CollectionOption, collection_directory


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("serve")(serve)


def serve(
    collection: CollectionOption = None,
    host: Annotated[str, typer.Option(help="Address to listen at.", metavar="ADDRESS")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int,
        typer.Option(
            help="Port to listen at; 0 for any that is free.", metavar="PORT", min=0, max=65535
        ),
    ] = 8000,
) -> None:
    """Answer programs and browsers over HTTP, on this machine.

    Answers at http://127.0.0.1:8000 until Ctrl-C. Other processes may write to the collection
    meanwhile: what they commit is found a second later.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.indexer.settings import in_use
    from vitrail.service.http.options import ServiceOptions

    try:
        from vitrail.service.http.serving import serve as run
    except ImportError as error:
        raise InputError(
            f"serving needs the package {error.name}: `pip install 'vitrail[serve]'`"
        ) from error
    directory = collection_directory(collection)
    run(
        ServiceOptions(
            {"default": directory}, in_use().cache_folder / "service", host=host, port=port
        )
    )
