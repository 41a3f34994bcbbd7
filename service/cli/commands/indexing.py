"""``vitrail index`` and ``vitrail reembed``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.completion import CHECKPOINTS, USUAL_SPACES, values
from vitrail.service.cli.options import (
    CheckpointOption,
    CollectionOption,
    Encoding,
    QuietOption,
    SpacesOption,
    collection_directory,
)
from vitrail.service.cli.served_search import (
    ServerOption,
    own_collection,
    placed,
    refuse_here_alone,
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("index")(index)
    app.command("reembed")(reembed)


@bundled("encoding", Encoding)
def index(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders or single image files. Default: every folder that was indexed before.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    collection: CollectionOption = None,
    checkpoint: CheckpointOption = None,
    space: SpacesOption = None,
    classify: Annotated[
        bool | None,
        typer.Option(
            "--classify/--no-classify",
            help="Store the top-5 labels of the checkpoint's classification head, also of images "
            "that lack them. Remembered.",
            show_default=False,
        ),
    ] = None,
    label_from: Annotated[
        str | None,
        typer.Option(
            help="parent: the folder's name becomes the label; none: no labels. Remembered.",
            metavar="WHAT",
            show_default=False,
            autocompletion=values("parent", "none"),
        ),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            help="Glob of files to consider; '' for the usual image extensions. Remembered.",
            metavar="GLOB",
            show_default=False,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            help="Glob of files or folders to leave out; what is indexed of them leaves. '' for "
            "none. Remembered.",
            metavar="GLOB",
            show_default=False,
        ),
    ] = None,
    keep_missing: Annotated[
        bool | None,
        typer.Option(
            "--keep-missing/--no-keep-missing",
            help="Go on finding images whose files are gone from disk. Remembered.",
            show_default=False,
        ),
    ] = None,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            help="Reject images with more pixels; 0 for the default limit. Remembered.",
            metavar="N",
            min=0,
            show_default=False,
        ),
    ] = None,
    accept_removals: Annotated[
        bool,
        typer.Option(
            "--accept-removals", help="Go on where a folder lost so much that its disk may be away."
        ),
    ] = False,
    rehash: Annotated[
        bool,
        typer.Option(
            "--rehash", help="Read every file, also those of the same size and time as before."
        ),
    ] = False,
    *,
    encoding: Encoding,
    json: Annotated[
        bool, typer.Option("--json", help="Print the counts as JSON at the end.")
    ] = False,
    quiet: QuietOption = False,
    server: ServerOption = None,
) -> None:
    """Bring a collection up to date with folders of images.

    New and changed files are embedded, moved ones keep their id, and files gone from disk leave
    the collection; if they come back within 30 days, they cost nothing. What is said of a folder
    is remembered, and holds until something else is said. Bad files are listed by "vitrail
    rejects" and never stop a run. Interrupt it at any time: what is done is kept, and the same
    command goes on from there.
    """
    from vitrail.indexer.errors import RemovalsRefusedError
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.service.cli.documents import print_document
    from vitrail.service.cli.folders import read_label_from
    from vitrail.service.cli.served_jobs import index_there
    from vitrail.service.cli.viewers import IndexViewer
    from vitrail.service.documents.indexing import counts_document
    from vitrail.service.operations.indexing import index as run

    options = IndexOptions(
        include=_globs(include),
        exclude=_globs(exclude),
        label_from=read_label_from(label_from),
        keep_missing=keep_missing,
        max_pixels=max_pixels,
        classify=classify,
        accept_removals=accept_removals,
        rehash=rehash,
        batch_size=encoding.batch_size,
        workers=encoding.workers,
    )
    if server is not None:
        refuse_here_alone(
            collection=own_collection(collection),
            checkpoint=checkpoint,
            space=None if not space else ",".join(space),
            **{
                "max-pixels": max_pixels,
                "batch-size": encoding.batch_size,
                "workers": encoding.workers,
                "convert-pickle": encoding.convert_pickle or None,
            },
            **placed(encoding.runtime, encoding.device, encoding.precision),
        )
        index_there(server, [*map(str, folders or ())], options, json=json, quiet=quiet)
        return
    roots = [os.path.abspath(os.path.expanduser(folder)) for folder in folders or ()]
    directory, choice = collection_directory(collection), encoding.choice(checkpoint, space)
    with IndexViewer(quiet=quiet, said=options) as viewer:
        try:
            done = run(
                directory,
                roots,
                options,
                choice,
                progress=viewer,
                cancellation=viewer.cancellation,
            )
        except RemovalsRefusedError as error:
            if error.progress is not None:
                viewer.finish(error.progress)
            raise
        viewer.finish(done.counts)
    if json:
        print_document(counts_document(done.counts))
    if done.counts.interrupted:
        raise typer.Exit(130)


def _globs(given: list[str] | None) -> tuple[str, ...] | None:
    """What was given more than once; one empty text takes all back that was remembered."""
    if given is None:
        return None
    return () if given == [""] else tuple(given)


@bundled("encoding", Encoding)
def reembed(
    checkpoint: Annotated[
        str | None,
        typer.Option(
            help="Hub name, local directory, or dinov2-small-focus. Default: the collection's own.",
            metavar="NAME",
            show_default=False,
            autocompletion=values(*CHECKPOINTS),
        ),
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(
            help="Embedding space such as cls@12 or mean@9; may be repeated. Default: the "
            "checkpoint's.",
            metavar="SPACE",
            show_default=False,
            autocompletion=values(*USUAL_SPACES),
        ),
    ] = None,
    collection: CollectionOption = None,
    classify: Annotated[
        bool,
        typer.Option(
            "--classify", help="Store the top-5 labels of the checkpoint's classification head."
        ),
    ] = False,
    accept_losses: Annotated[
        bool,
        typer.Option("--accept-losses", help="Let images go that no file holds any more."),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an unfinished run has done.")
    ] = False,
    max_pixels: Annotated[
        int | None, typer.Option(help="Do not open images with more pixels.", metavar="N", min=1)
    ] = None,
    *,
    encoding: Encoding,
    quiet: QuietOption = False,
) -> None:
    """Embed all images anew, by other spaces or an encoder.

    Ids, labels, removals and your own columns stay. The collection serves as it was until the last
    step, which is taken whole or not at all. Interrupt it at any time; the same command goes on.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.indexer.images.opening import DEFAULT_MAX_PIXELS
    from vitrail.indexer.indexing.reembedding import ReembedOptions
    from vitrail.service.cli.viewers import IndexViewer
    from vitrail.service.operations.indexing import reembed as run

    if checkpoint is None and not space:
        raise InputError("name the --space or the --checkpoint to embed by")
    options = ReembedOptions(
        accept_losses=accept_losses,
        restart=restart,
        max_pixels=max_pixels or DEFAULT_MAX_PIXELS,
        batch_size=encoding.batch_size,
        workers=encoding.workers,
    )
    directory, choice = collection_directory(collection), encoding.choice(checkpoint, space)
    with IndexViewer(quiet=quiet, doing="loading the encoder") as viewer:
        viewer.begin()
        made = run(
            directory,
            choice,
            options,
            classify=classify,
            progress=viewer,
            cancellation=viewer.cancellation,
        )
        viewer.begin().finish_reembedding(made)
    if made.counts.interrupted:
        raise typer.Exit(130)
