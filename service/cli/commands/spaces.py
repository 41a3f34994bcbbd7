"""Verbs about embedding spaces: those there are, whitened ones, and what a search weighs."""

from __future__ import annotations

from typing import Annotated

import typer

from vitrail.service.cli.options import CollectionOption, JsonOption, collection_directory


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for name, command in (("spaces", spaces), ("whiten", whiten)):
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
    """List the embedding spaces of a collection, and say which of them a search weighs.

    Stored ones come from the encoder ("vitrail reembed --space" changes them), derived ones are
    worked out from a stored one ("vitrail whiten").
    """
    from vitrail.service.cli.spaces import print_spaces
    from vitrail.service.operations.reading import open_reader
    from vitrail.service.operations.spaces import drop_space, list_spaces, set_default

    directory = collection_directory(collection)
    if drop is not None:
        drop_space(directory, drop)
    if default is not None:
        set_default(directory, default)
    with open_reader(directory) as store:
        print_spaces(list_spaces(store), as_json=json)


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
) -> None:
    """Derive a whitened space from a stored one: what all images share is taken out.

    Raw features lie close together, so that unrelated images score high. Whitening moves them to
    their mean and divides each principal direction by its spread, fitted on the collection's own
    images. Nothing is embedded anew; run it again once the collection has grown to another.
    """
    from vitrail.service.cli.spaces import print_whitened
    from vitrail.service.operations.spaces import whiten as derive

    directory = collection_directory(collection)
    print_whitened(derive(directory, space, dim=dim, default=default), default=default)
