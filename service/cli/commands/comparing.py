"""``vitrail compare``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.completion import collection_spaces
from vitrail.service.cli.options import (
    CollectionOption,
    JsonOption,
    NoProgressOption,
    check_target,
    collection_directory,
)

if TYPE_CHECKING:
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.set_references import FilteredSet, FolderSet


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("compare")(compare)


def compare(
    images: Annotated[
        list[str] | None,
        typer.Argument(
            help="Two images, each a file or an image of the collection by id or path.",
            metavar="IMAGE",
            show_default=False,
        ),
    ] = None,
    collection: CollectionOption = None,
    a: Annotated[
        str | None,
        typer.Option(
            "--a",
            help="The set that is judged: a filter such as \"generated and model like 'x%'\", or a "
            "folder.",
            metavar="SET",
            show_default=False,
        ),
    ] = None,
    b: Annotated[
        str | None,
        typer.Option(
            "--b",
            help="The set it is judged by, likewise. Default: all images that are not of --a.",
            metavar="SET",
            show_default=False,
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="Space, or several with weights: cls@12:0.7,cls@6:0.3. Default: as searched by.",
            metavar="SPACES",
            show_default=False,
            autocompletion=collection_spaces,
        ),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            help="Also a table by the values of a column, such as label or sampler.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="As --group-by, by its former name.", metavar="COLUMN", hidden=True),
    ] = None,
    sample: Annotated[
        int,
        typer.Option(help="Images of a set that are compared, at most.", metavar="N", min=30),
    ] = 5000,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.", metavar="N", min=0)] = 0,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a self-contained report with images.", metavar="FILE"),
    ] = None,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
) -> None:
    """Compare two sets of images, or two images.

    Of two sets, --a and --b: how far apart they are, how much of a is like b and how much of b is
    like a, and how varied each is, with 95% intervals; copies between them are counted. Where there
    are too few images for a number, it says how many are needed. Then what makes the difference:
    images of a that are unlike b, what b has and a lacks, and the nearest pairs.

    Of two images: how alike they are at each layer and pooling, what of either matches the other,
    how alike their pixels are once they are laid over one another, and how their recipes differ.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.indexer.wording import counted
    from vitrail.service.operations.collection import Collection

    if images and (a is not None or b is not None):
        raise InputError("give two images, or the sets --a and --b, not both")
    if images and len(images) != 2:
        raise InputError(f"{counted(len(images), 'image')} given, but two are compared; name two")
    if not images and a is None:
        raise InputError("nothing was given to compare; give two images, or --a SET and --b SET")
    if None not in (by, group_by):
        raise InputError(f"--by is what --group-by was called; leave --by {by} out")
    group_by = group_by or by
    if images and (space is not None or group_by is not None):
        raise InputError(
            "--space and --group-by are for two sets; two images are compared in all spaces"
        )
    if html is not None:
        check_target(html, "report")
    with Collection.open(collection_directory(collection)) as opened:
        if images:
            _compare_images(opened, images, html, as_json=json, quiet=quiet)
        else:
            how = (group_by, sample, seed)
            _compare_sets(opened, (a, b), space, how, html, as_json=json, quiet=quiet)


def _compare_sets(
    opened: Collection,
    sets: tuple[str | None, str | None],
    space: str | None,
    how: tuple[str | None, int, int],
    html: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    from vitrail.indexer.spaces import parse_weights
    from vitrail.service.cli.set_comparison import print_comparison
    from vitrail.service.cli.set_report import write_set_report
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.comparing import CompareOptions, compare_sets
    from vitrail.service.operations.set_references import OtherImages

    a, b = (None if one is None else _set(one) for one in sets)
    assert a is not None
    group_by, sample, seed = how
    weights = None if space is None else parse_weights(space, list(opened.store.spaces))
    with AnalysisViewer(quiet=quiet) as viewer:
        made = compare_sets(
            opened,
            a,
            b or OtherImages(),
            CompareOptions(weights, group_by, sample=sample, seed=seed),
            progress=viewer,
            cancellation=viewer.cancellation,
        )
    if html is not None:
        write_set_report(html, made)
    print_comparison(made, as_json=as_json)
    _tell(html)


def _compare_images(
    opened: Collection, images: list[str], html: Path | None, *, as_json: bool, quiet: bool
) -> None:
    from vitrail.service.cli.image_comparison import print_images, write_image_report
    from vitrail.service.cli.references import read_query_image
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.comparing_images import compare_images

    first, second = (read_query_image(opened.store, one, piped=False) for one in images)
    with AnalysisViewer(quiet=quiet) as viewer:
        made = compare_images(
            opened, first, second, progress=viewer, cancellation=viewer.cancellation
        )
    if html is not None:
        write_image_report(html, made)
    print_images(made, as_json=as_json)
    _tell(html)


def _set(text: str) -> FilteredSet | FolderSet:
    """A folder of this machine, or else a filter."""
    from vitrail.service.operations.set_references import FilteredSet, FolderSet

    path = os.path.expanduser(text)
    return FolderSet(path) if os.path.isdir(path) else FilteredSet(text)


def _tell(html: Path | None) -> None:
    from vitrail.service.cli.text import one_line

    if html is not None:
        typer.echo(one_line(f"report: {html}"), err=True)
