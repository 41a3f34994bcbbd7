"""``vitrail index`` and ``vitrail reembed``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.indexer.indexing.progress import Progress
    from vitrail.service.operations.collection import Collection


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
) -> None:
    """Bring a collection up to date with folders of images.

    New and changed files are embedded, moved ones keep their id, and files gone from disk leave
    the collection; if they come back within 30 days, they cost nothing. What is said of a folder
    is remembered, and holds until something else is said. Bad files are listed by "vitrail
    rejects" and never stop a run. Interrupt it at any time: what is done is kept, and the same
    command goes on from there.
    """
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.service.cli.documents import print_document, raw_paths
    from vitrail.service.cli.folders import read_label_from

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
    roots = [os.path.abspath(os.path.expanduser(folder)) for folder in folders or ()]
    directory = collection_directory(collection)
    _check(roots, options, directory)
    pictures = open_or_create(directory, checkpoint, space, encoding.settings)
    with pictures:
        progress = _run(pictures, roots, options, quiet=quiet)
    if json:
        print_document(
            progress.to_dict()
            | {
                f"{name}_raw": raw_paths(getattr(progress, name))
                for name in ("unreadable", "absent")
            }
        )
    if progress.interrupted:
        raise typer.Exit(130)


def _globs(given: list[str] | None) -> tuple[str, ...] | None:
    """What was given more than once; one empty text takes all back that was remembered."""
    if given is None:
        return None
    return () if given == [""] else tuple(given)


def _check(roots: Sequence[str], options: IndexOptions, directory: Path) -> None:
    """Refuse what is misspelt before it can leave an empty collection behind."""
    from vitrail.indexer.collection.layout import is_collection
    from vitrail.indexer.errors import InputError
    from vitrail.indexer.indexing.roots import check_given

    check_given(roots, options)
    if not roots and not is_collection(str(directory)):
        raise InputError(f"there is no collection at {directory} yet: name a folder to index")


def _run(
    pictures: Collection, roots: Sequence[str], options: IndexOptions, *, quiet: bool
) -> Progress:
    from vitrail.indexer.errors import RemovalsRefusedError
    from vitrail.indexer.indexing.roots import plan_run
    from vitrail.service.cli.folders import remembered
    from vitrail.service.cli.interrupts import stop_on_interrupt
    from vitrail.service.cli.progress import IndexDisplay

    told = remembered(plan_run(roots, pictures.store.roots(), options), options)
    with stop_on_interrupt() as cancellation, IndexDisplay(quiet=quiet) as display:
        display.name_encoder(pictures.fingerprint.describe())
        display.remind(told)
        try:
            progress = pictures.index(
                *roots,
                options=options,
                on_progress=display.update,
                cancellation=cancellation,
            )
        except RemovalsRefusedError as error:
            if error.progress is not None:
                display.finish(error.progress)
            raise
        display.finish(progress)
    return progress


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
    """Embed all images anew: other spaces, or another checkpoint.

    Ids, labels, removals and your own columns stay. The collection serves as it was until the last
    step, which is taken whole or not at all. Interrupt it at any time; the same command goes on.
    """
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.encoders import EncoderSettings, load_encoder
    from vitrail.indexer.errors import InputError
    from vitrail.indexer.images.opening import DEFAULT_MAX_PIXELS
    from vitrail.indexer.indexing.reembedding import ReembedOptions
    from vitrail.indexer.indexing.reembedding import reembed as embed_anew
    from vitrail.service.cli.interrupts import stop_on_interrupt
    from vitrail.service.cli.progress import IndexDisplay

    if checkpoint is None and not space:
        raise InputError("name the --space or the --checkpoint to embed by")
    directory = collection_directory(collection)
    with CollectionStore.open(directory) as store:
        checkpoint = checkpoint or store.fingerprint.checkpoint
    display = IndexDisplay(quiet=quiet, doing="loading the encoder")
    with stop_on_interrupt() as cancellation, display:
        encoder = load_encoder(
            EncoderSettings(
                checkpoint,
                spaces=tuple(space or ()),
                runtime=encoding.runtime,
                device=encoding.device,
                precision=encoding.precision,
                classify=classify,
            )
        )
        display.name_encoder(encoder.fingerprint.describe())
        made = embed_anew(
            directory,
            encoder,
            options=ReembedOptions(
                accept_losses=accept_losses,
                restart=restart,
                max_pixels=max_pixels or DEFAULT_MAX_PIXELS,
                batch_size=encoding.batch_size,
                workers=encoding.workers,
            ),
            on_progress=display.update,
            cancellation=cancellation,
        )
        display.finish_reembedding(made)
    if made.progress.interrupted:
        raise typer.Exit(130)


def open_or_create(
    directory: Path,
    checkpoint: str | None,
    spaces: list[str] | None,
    settings: tuple[str, str, str],
) -> Collection:
    """Open a collection, made first if there is none; refuse another model than its own.

    Raises:
        FingerprintMismatchError: ``checkpoint`` or ``spaces`` are not the collection's.
    """
    from vitrail.indexer.collection.layout import is_collection
    from vitrail.indexer.encoders import read_fingerprint
    from vitrail.service.operations.collection import Collection

    runtime, device, precision = settings
    if not is_collection(str(directory)):
        return Collection.create(
            directory,
            checkpoint=checkpoint,
            spaces=spaces,
            runtime=runtime,
            device=device,
            precision=precision,
        )
    found = Collection.open(directory, runtime=runtime, device=device, precision=precision)
    if checkpoint is not None or spaces:
        own = found.fingerprint
        names = spaces or [name for name, _ in own.spaces]
        found.store.check(read_fingerprint(checkpoint or own.checkpoint, names))
    return found
