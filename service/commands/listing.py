"""``vitrail list``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vitrail.service.completion import values
from vitrail.service.options import CollectionOption, JsonOption, check_target, collection_directory


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("list")(list_)


def list_(
    collection: CollectionOption = None,
    where: Annotated[
        str | None,
        typer.Option(
            help="SQL filter, such as \"label = 'fox' and rating > 3\".", metavar="EXPRESSION"
        ),
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            help="all, generated or real images.",
            metavar="KIND",
            autocompletion=values("all", "generated", "real"),
        ),
    ] = "all",
    sort: Annotated[
        list[str] | None,
        typer.Option(
            help="Column to sort by, -COLUMN for the largest first; several with commas.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Images at most.", metavar="N", min=1, show_default=False)
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            help="Columns to show, with commas between. Default: id, label, path, and what is "
            "sorted by.",
            metavar="COLUMNS",
            show_default=False,
        ),
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="Print only how many.")] = False,
    random: Annotated[
        int | None,
        typer.Option(help="Draw so many at random.", metavar="N", min=1, show_default=False),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of --random.", metavar="S", show_default=False)
    ] = None,
    json: JsonOption = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a self-contained contact sheet.", metavar="FILE")
    ] = None,
) -> None:
    """List images, without a query picture.

    All of them, or those that a filter lets through, in any order. In a pipe each is a line of its
    columns, separated by tabs; --json prints a list of objects with all columns.
    """
    from vitrail.indexer.collection.collection import Collection
    from vitrail.indexer.errors import InputError
    from vitrail.search.listing import count_images
    from vitrail.service.listing import Asked, print_list

    if only not in ("all", "generated", "real"):
        raise InputError(f"--only {only!r} is unknown; use one of all, generated, real")
    if seed is not None and random is None:
        raise InputError("--seed is for --random N, which is not given")
    if html is not None:
        check_target(html, "contact sheet")
    if random is not None and seed is None:
        seed = _any_seed()
        print(f"drawn with --seed {seed}", file=sys.stderr)
    asked = Asked(
        where=where,
        only=only,  # type: ignore[arg-type]
        sort=_split(",".join(sort or ())),
        limit=limit,
        columns=_split(columns or ""),
        sample=random,
        seed=seed or 0,
    )
    with Collection.open(collection_directory(collection)) as store:
        if count:
            typer.echo(count_images(store, where=where, only=asked.only))
            return
        print_list(store, asked, as_json=json, html=html)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _any_seed() -> int:
    import secrets

    return secrets.randbelow(1_000_000)
