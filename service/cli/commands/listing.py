"""``vitrail list``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.options import (
    CollectionOption,
    Filtering,
    HtmlOption,
    JsonOption,
    check_target,
    collection_directory,
)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("list")(list_)


@bundled("filtering", Filtering)
def list_(
    collection: CollectionOption = None,
    *,
    filtering: Filtering,
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
        int | None,
        typer.Option(
            help="Seed of --random. Default: another each time.", metavar="N", show_default=False
        ),
    ] = None,
    json: JsonOption = False,
    html: HtmlOption = None,
) -> None:
    """List images, without a query image.

    All of them, or those that a filter lets through, in any order. In a pipe each is a line of its
    columns, separated by tabs; --json prints a list of objects with all columns.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.search.listing import ListOptions
    from vitrail.service.cli.listing import print_list
    from vitrail.service.operations.listing import count_images
    from vitrail.service.operations.reading import open_reader

    kind = filtering.kind
    if seed is not None and random is None:
        raise InputError("--seed is for --random N, which is not given")
    if count:
        _refuse_with_count(
            sort=sort, limit=limit, columns=columns, random=random, seed=seed, html=html
        )
    if html is not None:
        check_target(html, "contact sheet")
    if random is not None and seed is None:
        seed = _any_seed()
        print(f"drawn with --seed {seed}", file=sys.stderr)
    asked = ListOptions(
        where=filtering.where,
        only=kind,
        sort=_keys(sort or ()),
        limit=limit,
        columns=_split(columns or ""),
        sample=random,
        seed=seed or 0,
    )
    with open_reader(collection_directory(collection)) as store:
        if count:
            typer.echo(count_images(store, asked))
            return
        print_list(store, asked, as_json=json, html=html)


def _refuse_with_count(**given: object) -> None:
    """An option that would be ignored is a misunderstanding to be told."""
    from vitrail.indexer.errors import InputError

    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"--{name} says nothing about how many there are, which --count prints; leave one "
                "of the two out"
            )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _keys(sort: Sequence[str]) -> tuple[str, ...]:
    """Columns to sort by, which are some where any are spoken of."""
    from vitrail.indexer.errors import InputError

    keys = _split(",".join(sort))
    if sort and not keys:
        raise InputError(f"sort is {sort[0]!r}, which names no column; give one, or leave it out")
    return keys


def _any_seed() -> int:
    import secrets

    return secrets.randbelow(1_000_000)
