"""``vitrail search``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.indexer.wording import counted
from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.completion import CHECKPOINTS, values
from vitrail.service.cli.options import (
    CollectionOption,
    DeviceOption,
    HtmlOption,
    JsonOption,
    PrecisionOption,
    RuntimeOption,
    check_target,
    collection_directory,
)
from vitrail.service.cli.questions import Asking
from vitrail.service.cli.refusals import refuse_unless
from vitrail.service.cli.search_options import Searching
from vitrail.service.cli.served_search import (
    ServerOption,
    own_collection,
    placed,
    refuse_here_alone,
    search_there,
)

if TYPE_CHECKING:
    from pathlib import Path

    from vitrail.search.options import SearchOptions
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.searching import EmbeddedQuery, SearchAnswer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("search")(search)


@bundled("asking", Asking)
@bundled("searching", Searching)
def search(
    images: Annotated[
        list[str] | None,
        typer.Argument(
            help="Image file, - for standard input, or an image of the collection by id or path. "
            "Several are one question.",
            metavar="IMAGE",
            show_default=False,
        ),
    ] = None,
    collection: CollectionOption = None,
    *,
    asking: Asking,
    searching: Searching,
    json: JsonOption = False,
    html: HtmlOption = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Say why: shares of spaces; in contact sheets also what matches in 8 hits.",
        ),
    ] = False,
    open_: Annotated[bool, typer.Option("--open", help="Show the contact sheet.")] = False,
    server: ServerOption = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            help="Embed the question by this certified export of the collection's encoder.",
            metavar="NAME",
            show_default=False,
            autocompletion=values(*CHECKPOINTS),
        ),
    ] = None,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Find images by an image, several, a text or a prompt.

    Answers with the images that look most like those given, or like what a prompt makes, or that
    are as a text says, where the checkpoint reads texts (CLIP, SigLIP). Scores are cosines: 1 is
    the same, and what counts as close depends on the encoder. The answer says whether it is exact.
    """
    from vitrail.service.cli.documents import print_document
    from vitrail.service.cli.output import print_table
    from vitrail.service.cli.text import one_line
    from vitrail.service.cli.viewers import SearchViewer
    from vitrail.service.documents.answers import answer_document
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.searching import search as ask

    searching.check_words()
    asking.check(images or (), searching)
    searching.check_number()
    if asking.queries is not None:
        refuse_unless(
            "one question, not for --queries",
            "ask without --queries",
            json=json or None,
            html=html,
            explain=explain or None,
            open=open_ or None,
        )
    if server is not None:
        refuse_here_alone(
            collection=own_collection(collection),
            queries=asking.queries,
            random=asking.random or None,
            html=html,
            explain=explain or None,
            open=open_ or None,
            checkpoint=checkpoint,
            **placed(runtime, device, precision),
        )
        search_there(server, images or (), asking, searching, json=json)
        return
    if html is not None:
        check_target(html, "contact sheet")
    directory = collection_directory(collection)
    with Collection.open(directory, runtime=runtime, device=device, precision=precision) as opened:
        if checkpoint is not None:
            opened.run_by(checkpoint)
        options = searching.options(list(opened.store.spaces))
        if asking.queries is not None and asking.out is not None:
            _ask_many(opened, asking.queries, asking.out, options)
            return
        query = asking.query(opened.store, images or (), options, (device, precision))
        with SearchViewer() as viewer:
            answer = ask(opened, query, options, progress=viewer)
            if explain:
                from vitrail.service.operations.explaining import explain_answer

                shown = json or open_ or html is not None
                answer = explain_answer(opened, answer, patches=shown, progress=viewer)
        _tell_unfinished(answer.query)
        if asking.random and not json:
            typer.echo(one_line(f"asked with {answer.query.title}"), err=True)
        if html is not None or open_:
            _draw(answer, html, open_=open_)
        if json:
            print_document(answer_document(answer.query.title, answer.result, answer.explanations))
        else:
            print_table(
                answer.result,
                searching.shown(answer.result),
                seeds=answer.query.seeds,
                explanations=answer.explanations,
            )
            _tell_sheet(html, explained=explain, opened=open_)
        for note in answer.notes:
            typer.echo(f"note: {one_line(note)}", err=True)


def _draw(answer: SearchAnswer, html: Path | None, *, open_: bool) -> None:
    from vitrail.service.cli.sheet import show, write_sheet

    sheet = write_sheet(html, answer)
    if open_:
        show(sheet)


def _tell_sheet(html: Path | None, *, explained: bool, opened: bool) -> None:
    """Say where the contact sheet is, or that one would show more."""
    from vitrail.service.cli.text import one_line

    if html is not None:
        typer.echo(one_line(f"contact sheet: {html}"), err=True)
    elif explained and not opened:
        typer.echo("what matches is drawn in a contact sheet: add --html FILE", err=True)


def _ask_many(opened: Collection, source: Path, out: Path, options: SearchOptions) -> None:
    from functools import partial

    from vitrail.indexer.paths import at_home
    from vitrail.service.cli.references import read_query_image
    from vitrail.service.cli.viewers import BatchViewer
    from vitrail.service.operations import answer_files
    from vitrail.service.operations.query_sources import open_queries

    queries = open_queries(
        str(at_home(source)),
        partial(read_query_image, opened.store, piped=False),
        opened.store.spaces,
        options.spaces or opened.store.default_weights or opened.store.spaces,
    )
    with BatchViewer() as viewer:
        counts = answer_files.search_batch(
            opened, queries, options, str(at_home(out)), progress=viewer
        )
        viewer.finish(counts, out)


def _tell_unfinished(query: EmbeddedQuery) -> None:
    """Say that the unrelated prompts took too long, so that fewer are compared with."""
    if query.compared < query.unrelated:
        from vitrail.service.operations.background import SECONDS

        print(
            f"{query.compared} of {counted(query.unrelated, 'unrelated prompt')} to compare with "
            f"drawn in {SECONDS:.0f} s; the next search by prompt goes on",
            file=sys.stderr,
        )
