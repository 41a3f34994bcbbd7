"""Indexing and generating that a service does, shown as if it were done here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from vitrail.service.cli.served_search import open_client
from vitrail.service.cli.text import one_line
from vitrail.service.cli.viewers import GenerationViewer, IndexViewer

if TYPE_CHECKING:
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.service.cli.sampling import Drawing
    from vitrail.service.client.jobs import ServedJob
    from vitrail.service.operations.guarding import GuardOptions


def index_there(
    server: str, folders: Sequence[str], options: IndexOptions, *, json: bool, quiet: bool
) -> None:
    """Let a service index folders of its own, one after another.

    Args:
        server: its address, and a collection's name where one is named.
        folders: roots that the service was given, or what lies below them; all of them for none.
        options: how; those that the service does not take have been refused.
        json: whether the counts are printed for programs.
        quiet: whether only errors are shown.

    Raises:
        InputError: a folder is none of the service's.
        VitrailError: as the service tells.
    """
    from vitrail.service.cli.documents import print_document
    from vitrail.service.client.events import read_counts
    from vitrail.service.client.readings import read_reply

    places: list[tuple[str | None, str]] = [_place(folder) for folder in folders]
    with open_client(server) as client:
        for root, path in places or [(None, "")]:
            job = client.index(
                root,
                path,
                include=options.include,
                exclude=options.exclude,
                label_from=options.label_from,
                keep_missing=options.keep_missing,
                classify=options.classify,
                accept_removals=options.accept_removals,
                rehash=options.rehash,
            )
            with IndexViewer(quiet=quiet) as viewer:
                viewer.begin()
                told = _followed(job, viewer)
                counts = read_reply(read_counts, told)
                viewer.finish(counts)
            if json:
                print_document({name: one for name, one in told.items() if name != "encoder"})
            if counts.interrupted:
                raise typer.Exit(130)


def generate_there(
    server: str, prompts: Sequence[str], drawing: Drawing, guard: GuardOptions | None = None
) -> None:
    """Let a service make images, and print where they are, or what they are called.

    Args:
        server: its address, and a collection's name where one is named.
        prompts: what to draw.
        drawing: how; those options that the service does not take have been refused.
        guard: what images are held against before they are kept.

    Raises:
        VitrailError: as the service tells.
    """
    from vitrail.service.cli.documents import print_document
    from vitrail.service.cli.generated import told_refusal
    from vitrail.service.cli.tables import print_path
    from vitrail.service.client.events import read_generated
    from vitrail.service.client.readings import read_reply

    with open_client(server) as client, GenerationViewer(quiet=drawing.quiet) as viewer:
        job = client.generate(
            prompts,
            n=drawing.n,
            seed=drawing.seed,
            negative_prompt=drawing.negative,
            width=drawing.width,
            height=drawing.height,
            steps=drawing.steps,
            guidance=drawing.guidance,
            scheduler=drawing.scheduler,
            model=drawing.model,
            force=drawing.force,
            guard=None if guard is None else guard.rate,
            against=None if guard is None else guard.against,
            retries=0 if guard is None else guard.retries,
            mark=None if guard is None else guard.mark,
        )
        told = _followed(job, viewer)
        made = read_reply(read_generated, told)
        viewer.finish(made)
    for one in told["refused"]:
        typer.echo(one_line(told_refusal(one)), err=True)
    images = told["images"]
    if drawing.json:
        print_document(told)
    else:
        for image in images if len(images) <= 20 and not drawing.quiet else ():
            print_path(str(image.get("path") or image.get("name") or ""))
    if made.interrupted:
        raise typer.Exit(130)
    if told["lacking"]:
        raise typer.Exit(1)


def _followed(job: ServedJob, viewer: IndexViewer | GenerationViewer) -> dict[str, Any]:
    """Wait for a job; Ctrl-C cancels it."""
    from vitrail.service.client.events import event_of
    from vitrail.service.client.readings import JobStatus, read_reply

    def show(status: JobStatus) -> None:
        event = read_reply(event_of, status)
        if event is not None:
            viewer(event)

    return job.wait(show, cancellation=viewer.cancellation)


def _place(folder: str) -> tuple[str | None, str]:
    """A root and a path below it.

    Raises:
        InputError: it is a folder of this machine.
    """
    from vitrail.indexer.errors import InputError

    if os.path.isabs(folder) or folder.startswith(("~", ".")):
        raise InputError(
            f"{folder!r} is a folder here, and a service indexes its own: name one that it was "
            "given by --root, such as photos or photos/2024"
        )
    root, _, path = folder.partition("/")
    return root, path
