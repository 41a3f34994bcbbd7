"""Verbs that look at a collection as a whole: map and sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.completion import collection_spaces
from vitrail.service.cli.options import (
    CollectionOption,
    Filtering,
    HtmlOption,
    JsonOption,
    NoProgressOption,
    check_target,
    collection_directory,
)

SpaceOption = Annotated[
    str | None,
    typer.Option(
        help="Compare by this space, or by several with weights: cls@12:0.7,cls@6:0.3. Default: as "
        "searched by.",
        metavar="SPACES",
        show_default=False,
        autocompletion=collection_spaces,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("map")(map_)
    app.command("sample")(sample)


@bundled("filtering", Filtering)
def map_(
    collection: CollectionOption = None,
    *,
    filtering: Filtering,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Draw the map: one page to move, zoom, colour and choose in.", metavar="FILE"
        ),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(
            help="umap keeps neighbours together; pca is there at once.", metavar="LAYOUT"
        ),
    ] = "umap",
    clusters: Annotated[
        int | None,
        typer.Option(
            help="How many clusters; 0 for none. Default: as many as there are by density.",
            metavar="N",
            min=0,
            show_default=False,
        ),
    ] = None,
    color: Annotated[
        list[str] | None,
        typer.Option(
            help="Column to colour images by on the page; may be repeated.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None,
    space: SpaceOption = None,
    limit: Annotated[
        int,
        typer.Option(help="Of more images so many are drawn at random.", metavar="N", min=10),
    ] = 20_000,
    thumbnails: Annotated[
        int,
        typer.Option(help="Images that appear as thumbnails on the page.", metavar="N", min=0),
    ] = 1_000,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
) -> None:
    """Lay a collection out in the plane and name its clusters.

    Images that look alike lie together. Prints the clusters, by size, each named by what is said
    often of its images and seldom of others (labels, prompts, folders), and the images farthest
    from all others. --html draws it.
    """
    from vitrail.indexer.spaces import parse_weights
    from vitrail.service.cli.surveys import (
        print_dull,
        print_map,
        print_map_as_json,
        write_map_of,
    )
    from vitrail.service.cli.text import one_line
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.mapping import MapOptions, draw_map

    if html is not None:
        check_target(html, "map")
    with Collection.open(collection_directory(collection)) as opened:
        options = MapOptions(
            where=filtering.where,
            only=filtering.kind,
            spaces=None if space is None else parse_weights(space, list(opened.store.spaces)),
            layout=layout,  # type: ignore[arg-type]  # checked there
            clusters=clusters,
            columns=tuple(color or ("label", "generated")),
            limit=limit,
        )
        with AnalysisViewer(quiet=quiet) as viewer:
            drawn = draw_map(opened, options, progress=viewer, cancellation=viewer.cancellation)
            if html is not None:
                write_map_of(html, drawn, options, thumbnails, viewer)
    if json:
        print_map_as_json(drawn)
    else:
        print_map(drawn)
    if html is not None:
        print_dull(drawn, color or ())
        typer.echo(one_line(f"map: {html}"), err=True)


@bundled("filtering", Filtering)
def sample(
    collection: CollectionOption = None,
    *,
    filtering: Filtering,
    diverse: Annotated[
        int | None,
        typer.Option(
            help="So many images, as different as can be: none is far from all of them.",
            metavar="N",
            min=1,
            show_default=False,
        ),
    ] = None,
    typical: Annotated[
        int | None,
        typer.Option(
            help="So many images, each the middle of a cluster.",
            metavar="N",
            min=1,
            show_default=False,
        ),
    ] = None,
    space: SpaceOption = None,
    json: JsonOption = False,
    html: HtmlOption = None,
) -> None:
    """Choose a few images that stand for many.

    Prints them with how many images each is the nearest to, and how near all images are to one of
    them, beside as many at random. "vitrail list --random N" draws without looking.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.indexer.spaces import parse_weights
    from vitrail.service.cli.surveys import print_sample, print_sample_as_json, write_sample
    from vitrail.service.cli.text import one_line
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.sampling import SampleOptions, sample_images

    if (diverse is None) == (typical is None):
        raise InputError("say which images to choose: either --diverse N or --typical N")
    if html is not None:
        check_target(html, "contact sheet")
    with Collection.open(collection_directory(collection)) as opened:
        options = SampleOptions(
            count=diverse or typical or 0,
            kind="typical" if diverse is None else "diverse",
            where=filtering.where,
            only=filtering.kind,
            spaces=None if space is None else parse_weights(space, list(opened.store.spaces)),
        )
        chosen = sample_images(opened, options)
    if html is not None:
        write_sample(html, chosen, options)
    if json:
        print_sample_as_json(chosen)
    else:
        print_sample(chosen)
    if html is not None:
        typer.echo(one_line(f"contact sheet: {html}"), err=True)
