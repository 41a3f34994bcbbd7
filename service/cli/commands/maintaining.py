"""Verbs that look after a collection: info, verify, remove, tidy and the like."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.indexer.paths import at_home
from vitrail.indexer.wording import counted
from vitrail.service.cli.options import (
    CollectionOption,
    JsonOption,
    WhereOption,
    collection_directory,
)

if TYPE_CHECKING:
    from vitrail.indexer.collection.losses import Losses


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for name, command in (
        ("info", info),
        ("annotate", annotate),
        ("remove", remove),
        ("tidy", tidy),
        ("rejects", rejects),
        ("verify", verify),
        ("export", export),
        ("import", import_),
    ):
        app.command(name)(command)


def info(collection: CollectionOption = None, json: JsonOption = False) -> None:
    """Show what a collection holds.

    Counts, the encoder and its spaces, your own columns, indexes, and sizes on disk.
    """
    from vitrail.service.cli.reports import print_info
    from vitrail.service.operations.maintaining import describe
    from vitrail.service.operations.reading import open_reader

    with open_reader(collection_directory(collection)) as store:
        print_info(describe(store).to_dict(), as_json=json)


def remove(
    images: Annotated[
        list[str],
        typer.Argument(
            help="Ids, content hashes, indexed paths, folders, or globs in quotes.", metavar="IMAGE"
        ),
    ],
    collection: CollectionOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be taken out.")
    ] = False,
) -> None:
    """Take images out for good; their files stay on disk.

    They come back only when their files change. A path, folder or glob takes files out: an image
    that has others elsewhere stays with those. Globs are matched below the indexed folders, as
    --exclude does. A folder that was indexed is no longer one that a plain "vitrail index" does.
    """
    from vitrail.service.cli.folders import print_removal, print_removed
    from vitrail.service.cli.targets import read_targets
    from vitrail.service.operations.removing import remove as take_out

    directory = collection_directory(collection)
    done = take_out(directory, lambda store: read_targets(store, images), dry_run=dry_run)
    if done.removed is None:
        print_removal(done.removal)
    else:
        print_removed(done.removal, done.removed)


def tidy(
    collection: CollectionOption = None,
    now: Annotated[
        bool,
        typer.Option("--now", help="Give up all images that wait, and leave nothing of what left."),
    ] = False,
    grace: Annotated[
        float | None,
        typer.Option(
            help="From now on, keep images whose files are gone for so many days; first 30.",
            metavar="DAYS",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Give up images that waited too long, and give room back.

    An image whose files are gone or excluded is not found any more, but kept for 30 days with its
    vectors and id: when the file is back, it costs nothing. Indexing gives up what is over, too.
    Your own columns are never given up.

    Vector indexes are written anew where much was added or left since: minutes for a million
    vectors. Ctrl-C ends that, what was added is found all the same, and the next run begins anew.
    """
    from vitrail.service.cli.folders import print_tidied
    from vitrail.service.operations.maintaining import tidy as clear

    done = clear(collection_directory(collection), now=now, grace_days=grace)
    print_tidied(done)
    if done.unbuilt:
        raise typer.Exit(130)


def annotate(
    table: Annotated[
        Path,
        typer.Argument(help="CSV, TSV or Parquet file with a column named path.", metavar="TABLE"),
    ],
    collection: CollectionOption = None,
    numbers: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of a CSV file in which cells that are no numbers are left empty; may be "
            "repeated.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Join your own columns to the images by path.

    They can then be used in --where and come with every hit. Annotating again updates.
    """
    from vitrail.service.cli.reports import print_annotation_report
    from vitrail.service.operations.maintaining import annotate as join

    print_annotation_report(join(collection_directory(collection), table, numbers or ()))


def rejects(collection: CollectionOption = None, json: JsonOption = False) -> None:
    """List the files that could not be indexed.

    One line each: reason, path, detail. They are tried again when they change, or when what stood
    in their way is gone.
    """
    from vitrail.service.cli.reports import print_rejects
    from vitrail.service.operations.maintaining import list_rejects
    from vitrail.service.operations.reading import open_reader

    with open_reader(collection_directory(collection)) as store:
        print_rejects(list_rejects(store), as_json=json)


def verify(
    collection: CollectionOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="With --repair: give up what nothing can replace."),
    ] = False,
    segments_lost: Annotated[
        bool,
        typer.Option(
            "--segments-lost",
            help="With --repair: the segments are lost for good, and not on a disk that is not "
            "mounted.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check a collection for damage, and mend it.

    Segments are held against catalog, indexes and the files on disk; 4 is the exit code where
    there is damage, 1 where something cannot be read now, which is no sign of damage.

    --repair rebuilds indexes and a damaged catalog from what the other files hold. Images of a
    damaged segment leave and are embedded again by the next "vitrail index": these, and whatever
    else nothing can replace, are shown first and given up only if you say so. What cannot be read
    now is never touched. Nothing damaged is deleted, only set aside.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.service.cli.reports import print_repair, print_report
    from vitrail.service.operations.maintaining import repair as mend
    from vitrail.service.operations.maintaining import verify as check

    if (yes or segments_lost) and not repair:
        raise InputError("--yes and --segments-lost belong to --repair; add it")
    directory = collection_directory(collection)
    if repair:
        done = mend(directory, accept=partial(_accept, yes), segments_lost=segments_lost)
        print_repair(done, as_json=json)
        report = done.report
    else:
        report = check(directory)
        print_report(report, as_json=json)
    if report is not None and not report.clean:
        raise typer.Exit(4 if report.damage else 1)


def _accept(yes: bool, losses: Losses) -> bool:
    """Show what a repair gives up, and ask where there is somebody to ask."""
    import sys

    from vitrail.service.cli.reports import print_losses

    print_losses(losses)
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return yes
    return typer.confirm("Give that up?", default=False, err=True)


def export(
    file: Annotated[
        Path,
        typer.Argument(
            help="File to write, .parquet, .csv or .jsonl; must not exist yet.", metavar="FILE"
        ),
    ],
    collection: CollectionOption = None,
    where: WhereOption = None,
) -> None:
    """Write everything to one file.

    One row an image. Parquet has all that import reads back: content hash, files, metadata,
    recipe, your own columns, and one column of vectors a space. CSV and JSON lines have the
    columns that --where knows.
    """
    from vitrail.service.cli.text import one_line
    from vitrail.service.operations.maintaining import export as write
    from vitrail.service.operations.reading import open_reader

    with open_reader(collection_directory(collection)) as store:
        count = write(store, at_home(file), where)
    typer.echo(one_line(f"{counted(count, 'image')} written to {file}"))


def import_(
    file: Annotated[Path, typer.Argument(help="Parquet file that export wrote.", metavar="FILE")],
    collection: CollectionOption = None,
) -> None:
    """Read back what export wrote.

    It goes into a new collection or one of the same encoder; images known there already are not
    doubled.
    """
    from vitrail.service.cli.text import one_line
    from vitrail.service.operations.maintaining import import_exported

    done = import_exported(collection_directory(collection), at_home(file))
    told = f"{done.new} new, {done.known} known already, {counted(done.files, 'file')} gained"
    if done.left_out:
        told += (
            f"; {len(done.left_out)} left out, as other content is known here at all their paths"
        )
        told += f", such as {done.left_out[0]}" if done.left_out[0] else ""
    if any(done.decisions):
        told += f"; {done.decisions.in_words()} about duplicates taken over"
    typer.echo(one_line(f"{counted(done.images, 'image')} read from {file}: {told}"))
