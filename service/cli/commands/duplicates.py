"""Verbs about images that are there more than once: duplicates, decide, decisions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.indexer.paths import at_home
from vitrail.service.cli.completion import collection_spaces, values
from vitrail.service.cli.options import (
    CollectionOption,
    JsonOption,
    NoProgressOption,
    WhereOption,
    check_target,
    collection_directory,
)

if TYPE_CHECKING:
    from vitrail.service.operations.trashing import TrashPlan

_TIERS = ("identical", "re-encoded", "altered", "decided", "look-alike")
_SURE = ("identical", "re-encoded")
_KINDS = ("same", "not-duplicates", "keep", "undo")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for name, command in (
        ("duplicates", duplicates),
        ("decide", decide),
        ("decisions", decisions),
    ):
        app.command(name)(command)


def duplicates(
    collection: CollectionOption = None,
    where: WhereOption = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="Just groups with an image that passes this filter, such as "
            "\"added_at > '2026-01-01'\": one search for each of these.",
            metavar="EXPRESSION",
        ),
    ] = None,
    look_alikes: Annotated[
        bool,
        typer.Option("--look-alikes", help="Also images that look alike and are no copies."),
    ] = False,
    space: Annotated[
        str | None,
        typer.Option(
            help="Whose nearest images are compared. Default: what searches weigh most.",
            metavar="SPACE",
            show_default=False,
            autocompletion=collection_spaces,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Also show each copy beside its keeper, as one page.", metavar="FILE"),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open that page in the browser.")] = False,
    trash: Annotated[
        bool,
        typer.Option("--trash", help="Move the files of copies to the trash; asks first."),
    ] = False,
    tier: Annotated[
        list[str] | None,
        typer.Option(
            help="With --trash: evidence that is enough, such as altered; may be repeated. "
            "Default: identical and re-encoded.",
            metavar="TIER",
            show_default=False,
            autocompletion=values(*_TIERS),
        ),
    ] = None,
    undo_list: Annotated[
        Path | None,
        typer.Option(
            help="With --trash: where to list what is moved. Default: a new file in the current "
            "folder.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --trash: do not ask.")] = False,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
) -> None:
    """Find copies of images, and say which of each to keep.

    Vectors tell which images are worth comparing, their pixels decide. Evidence comes in tiers:
    identical (every pixel), re-encoded (perhaps at another size), altered (cropped, mirrored,
    turned, recoloured, framed, written over), decided (by you) and look-alike. In each group is
    what there is evidence of against its keeper: the one with the most pixels, a frame not counted,
    then one not compressed with loss, the largest file, the oldest, the first path. --trash leaves
    one of several files with the same pixels, unless its keeper shows all of it or is yours.
    "vitrail decide" corrects what is wrong, for good.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.service.cli.documents import print_document
    from vitrail.service.cli.duplicates import (
        print_duplicates,
        write_duplicates_page,
    )
    from vitrail.service.cli.pipes import reader_may_leave
    from vitrail.service.cli.sheet import show
    from vitrail.service.cli.text import one_line
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.documents.duplicates import duplicates_document
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.duplicates import DuplicateOptions, find_duplicates
    from vitrail.service.operations.trashing import plan_trash

    if not trash and (tier or undo_list or yes):
        raise InputError("--tier, --undo-list and --yes belong to --trash; add it")
    odd = next((one for one in tier or () if one not in _TIERS), None)
    if odd is not None:
        raise InputError(f"{odd!r} is no tier of evidence; give one of {', '.join(_TIERS)}")
    if html is not None:
        check_target(html, "report")
    options = DuplicateOptions(where, since, look_alikes, space)
    directory = collection_directory(collection)
    with Collection.open(directory) as opened, AnalysisViewer(quiet=quiet) as viewer:
        found = find_duplicates(opened, options, progress=viewer, cancellation=viewer.cancellation)
    written = write_duplicates_page(html, found) if html is not None or open_ else None
    with reader_may_leave():
        if json:
            print_document(duplicates_document(found))
        else:
            print_duplicates(found)
    if written is not None:
        typer.echo(one_line(f"report: {written}"), err=True)
        if open_:
            show(written)
    if trash:
        groups = (*found.groups, *found.look_alikes)
        _trash(plan_trash(groups, tier or _SURE), undo_list, yes=yes)


def _trash(plan: TrashPlan, undo_list: Path | None, *, yes: bool) -> None:
    """Show what would go, ask where there is somebody to ask, and move it."""
    import sys

    from vitrail.indexer.errors import InputError
    from vitrail.indexer.wording import counted
    from vitrail.service.cli.duplicates import print_left, print_trash
    from vitrail.service.cli.text import one_line
    from vitrail.service.operations.trashing import move_to_trash

    print_trash(plan)
    if not plan.files:
        return
    if undo_list is not None:
        check_target(undo_list, "list")
    if not yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise InputError("nobody can be asked here; nothing was moved: add --yes to move them")
        if not typer.confirm("Move them to the trash?", default=False, err=True):
            raise typer.Exit(1)
    path = undo_list or Path(f"vitrail-trashed-{datetime.now():%Y%m%d-%H%M%S}.jsonl")
    try:
        count = sum(1 for _ in move_to_trash(plan, path, on_left=print_left))
    except KeyboardInterrupt:
        if path.exists():
            told = f"{path} lists the files that were moved, and the one that was tried last"
            typer.echo(one_line(told), err=True)
        raise
    typer.echo(one_line(f"{counted(count, 'file')} moved to the trash, listed in {path}"), err=True)
    typer.echo("restore them from the trash; `vitrail index` notes what has left", err=True)


def decide(
    what: Annotated[
        str,
        typer.Argument(
            help="same, not-duplicates, keep or undo.",
            metavar="WHAT",
            autocompletion=values(*_KINDS),
        ),
    ],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            help="Images by id, path or content hash; of undo the token of a decision.",
            metavar="[IMAGE]...",
            show_default=False,
        ),
    ] = None,
    collection: CollectionOption = None,
) -> None:
    """Decide for good what images are to one another.

    "same A B" puts two in a group; "not-duplicates A B" never does; "keep A" lets it stay
    whatever it is a copy of; "undo" takes the last decision back, "undo TOKEN" another. Decisions
    hold for content, so that they outlive paths, ids and removal, and go along with "vitrail
    export".
    """
    from vitrail.indexer.errors import InputError
    from vitrail.service.cli.duplicates import print_decision
    from vitrail.service.cli.references import read_stored_image
    from vitrail.service.operations.deciding import decide as say
    from vitrail.service.operations.deciding import undo

    named = images or []
    directory = collection_directory(collection)
    if what not in _KINDS:
        raise InputError(f"{what!r} is no decision; give one of {', '.join(_KINDS)}")
    if what == "undo":
        if len(named) > 1:
            raise InputError(f"undo takes back one decision, not {len(named)}; name one token")
        print_decision(undo(directory, named[0] if named else None), done="undone")
        return
    made = say(directory, what, lambda store: [read_stored_image(store, one) for one in named])
    print_decision(made, done="decided")


def decisions(
    collection: CollectionOption = None,
    json: JsonOption = False,
    export: Annotated[
        Path | None,
        typer.Option(
            help="Write them to a file, for another collection; must not exist yet.",
            metavar="FILE",
        ),
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option(
            "--import", help="Add those of such a file that this collection lacks.", metavar="FILE"
        ),
    ] = None,
) -> None:
    """List your decisions about duplicates, undone or not.

    They can be carried to another collection of the same images: by a file of their own, or with
    all else by "vitrail export".
    """
    from vitrail.indexer.errors import InputError
    from vitrail.service.cli.duplicates import print_decisions
    from vitrail.service.cli.text import one_line
    from vitrail.service.operations.deciding import list_decisions, take_log, write_log
    from vitrail.service.operations.reading import open_reader

    if sum((json, export is not None, import_ is not None)) > 1:
        raise InputError("--json, --export and --import are one each; name one of them")
    directory = collection_directory(collection)
    if import_ is not None:
        added = take_log(directory, at_home(import_))
        typer.echo(f"{added.in_words()} added")
        return
    with open_reader(directory) as store:
        if export is None:
            print_decisions(list_decisions(store), as_json=json)
        else:
            written = write_log(store, at_home(export))
            typer.echo(one_line(f"{written.in_words()} written to {export}"))
