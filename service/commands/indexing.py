"""``vitrail index`` and ``vitrail reembed``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.completion import CHECKPOINTS, USUAL_SPACES, values
from service.options import (
    CheckpointOption,
    CollectionOption,
    DeviceOption,
    PrecisionOption,
    QuietOption,
    RuntimeOption,
    SpacesOption,
    collection_directory,
)

if TYPE_CHECKING:
    from search.collection import Collection


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("index")(index)
    app.command("reembed")(reembed)


def index(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders or single image files.", metavar="FOLDER")
    ],
    collection: CollectionOption = None,
    checkpoint: CheckpointOption = None,
    space: SpacesOption = None,
    classify: Annotated[
        bool,
        typer.Option(
            "--classify", help="Store the top-5 labels of the checkpoint's classification head."
        ),
    ] = False,
    label_from: Annotated[
        str,
        typer.Option(
            help="parent: the folder's name becomes the label; or none.",
            metavar="WHAT",
            autocompletion=values("parent", "none"),
        ),
    ] = "none",
    include: Annotated[
        list[str] | None,
        typer.Option(
            help="Glob of files to consider; default: the usual image extensions.", metavar="GLOB"
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="Glob of files or folders to leave out.", metavar="GLOB"),
    ] = None,
    keep_missing: Annotated[
        bool, typer.Option("--keep-missing", help="Keep images whose files are gone from disk.")
    ] = False,
    max_pixels: Annotated[
        int | None, typer.Option(help="Reject images with more pixels.", metavar="N", min=1)
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Images a forward pass; default: by free memory.", metavar="N", min=1),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Decoding threads; default: one a core.", metavar="N", min=1)
    ] = None,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Bring a collection up to date with folders of images.

    New and changed files are embedded, moved ones keep their id, and files gone from disk leave
    the collection. Bad files are listed by "vitrail rejects" and never stop a run. Interrupt it at
    any time: what is done is kept, and the same command goes on from there.
    """
    from generator.foreign import read_recipe
    from indexer.errors import InputError
    from indexer.images.opening import DEFAULT_MAX_PIXELS
    from indexer.indexing.pipeline import IndexOptions
    from indexer.indexing.scan import walk
    from service.interrupts import stop_on_interrupt
    from service.progress import IndexDisplay

    if label_from not in ("none", "parent"):
        raise InputError(f"--label-from {label_from!r} is unknown; use parent or none")
    options = IndexOptions(
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        label_from="parent" if label_from == "parent" else "none",
        keep_missing=keep_missing,
        max_pixels=max_pixels or DEFAULT_MAX_PIXELS,
        batch_size=batch_size,
        workers=workers,
    )
    # a misspelt folder or glob must not leave an empty collection behind
    walk([os.path.expanduser(folder) for folder in folders], options.include, options.exclude)
    pictures = open_or_create(
        collection_directory(collection), checkpoint, space, (runtime, device, precision)
    )
    with pictures, stop_on_interrupt() as stop, IndexDisplay(quiet=quiet) as display:
        display.loading(pictures.fingerprint.describe())
        progress = pictures.index(
            *folders,
            options=options,
            classify=classify,
            on_progress=display.update,
            stop=stop,
            read_recipe=read_recipe,
        )
        display.finish(progress)
    if progress.interrupted:
        raise typer.Exit(130)


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
    batch_size: Annotated[
        int | None,
        typer.Option(help="Images a forward pass; default: by free memory.", metavar="N", min=1),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Decoding threads; default: one a core.", metavar="N", min=1)
    ] = None,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Embed all images anew: other spaces, or another checkpoint.

    Ids, labels, removals and your own columns stay. The collection serves as it was until the last
    step, which is taken whole or not at all. Interrupt it at any time; the same command goes on.
    """
    from generator.foreign import read_recipe
    from indexer.collection.collection import Collection
    from indexer.encoders import load_encoder
    from indexer.errors import InputError
    from indexer.images.opening import DEFAULT_MAX_PIXELS
    from indexer.indexing.reembedding import ReembedOptions
    from indexer.indexing.reembedding import reembed as embed_anew
    from service.interrupts import stop_on_interrupt
    from service.progress import IndexDisplay

    if checkpoint is None and not space:
        raise InputError("name the --space or the --checkpoint to embed by")
    directory = collection_directory(collection)
    with Collection.open(directory) as store:
        checkpoint = checkpoint or store.fingerprint.checkpoint
    with stop_on_interrupt() as stop, IndexDisplay(quiet=quiet) as display:
        encoder = load_encoder(
            checkpoint,
            spaces=space,
            runtime=runtime,
            device=device,
            precision=precision,
            classify=classify,
        )
        display.loading(encoder.fingerprint.describe())
        made = embed_anew(
            directory,
            encoder,
            options=ReembedOptions(
                accept_losses=accept_losses,
                restart=restart,
                max_pixels=max_pixels or DEFAULT_MAX_PIXELS,
                batch_size=batch_size,
                workers=workers,
            ),
            on_progress=display.update,
            stop=stop,
            read_recipe=read_recipe,
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
    from indexer.collection.layout import is_collection
    from indexer.encoders import read_fingerprint
    from search.collection import Collection

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
