"""``vitrail search``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.indexer.wording import counted
from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.options import (
    CollectionOption,
    DeviceOption,
    HtmlOption,
    JsonOption,
    PrecisionOption,
    RuntimeOption,
    Searching,
    check_target,
    collection_directory,
)

if TYPE_CHECKING:
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.searching import AnyQuery, EmbeddedQuery


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("search")(search)


@bundled("searching", Searching)
def search(
    image: Annotated[
        str | None,
        typer.Argument(
            help="Image file, - for standard input, or an image of the collection by id or path.",
            metavar="IMAGE",
            show_default=False,
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="Search by what this prompt generates.", metavar="TEXT", show_default=False
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            help="Images generated for --prompt. Default: 4.",
            metavar="N",
            min=1,
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Stable Diffusion checkpoint for --prompt: embedded, Hub name, directory or file. "
            "Default: embedded.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    background: Annotated[
        int | None,
        typer.Option(
            help="Unrelated prompts to compare the hits of --prompt with; 0 for none. Default: 32.",
            metavar="N",
            min=0,
            show_default=False,
        ),
    ] = None,
    collection: CollectionOption = None,
    *,
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
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Find images by an image or by a prompt.

    Answers with the images that look most like the one given, or like what a prompt makes. Scores
    are cosines: 1 is the same, and what counts as close depends on the encoder. The answer says
    whether it is exact.
    """
    from vitrail.service.cli.output import print_json, print_table
    from vitrail.service.cli.sheet import show, write_sheet
    from vitrail.service.cli.text import one_line
    from vitrail.service.cli.viewers import SearchViewer
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.explaining import explain_answer
    from vitrail.service.operations.searching import search as ask

    _check_question(image, prompt, searching)
    if prompt is None:
        _refuse_without_prompt(
            seeds=seeds, model=model, fusion=searching.fusion, background=background
        )
    if html is not None:
        check_target(html, "contact sheet")
    directory = collection_directory(collection)
    with Collection.open(directory, runtime=runtime, device=device, precision=precision) as opened:
        options = searching.options(list(opened.store.spaces))
        query = _query(opened, image, prompt, seeds, model, background, (device, precision))
        with SearchViewer() as viewer:
            answer = ask(opened, query, options, progress=viewer)
            if explain:
                shown = json or open_ or html is not None
                answer = explain_answer(opened, answer, patches=shown, progress=viewer)
        _tell_unfinished(answer.query)
        if html is not None or open_:
            sheet = write_sheet(html, answer)
            if open_:
                show(sheet)
        if json:
            print_json(answer)
        else:
            print_table(answer.result, answer.explanations)
            if html is not None:
                typer.echo(one_line(f"contact sheet: {html}"), err=True)
        for note in answer.notes:
            typer.echo(f"note: {one_line(note)}", err=True)


def _check_question(image: str | None, prompt: str | None, searching: Searching) -> None:
    """Refuse what no collection could answer before one is opened."""
    from vitrail.indexer.errors import InputError

    searching.check_words()
    if (image is None) == (prompt is None):
        raise InputError("give an image or --prompt TEXT, one of the two")
    searching.check_number()


def _refuse_without_prompt(**given: object) -> None:
    """An option that would be ignored is a misunderstanding to be told."""
    from vitrail.indexer.errors import InputError

    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"--{name} {value} is for --prompt TEXT, and was given with an image; leave it "
                "out, or ask by a prompt"
            )


def _query(
    opened: Collection,
    image: str | None,
    prompt: str | None,
    seeds: int | None,
    model: str | None,
    background: int | None,
    settings: tuple[str, str],
) -> AnyQuery:
    from vitrail.service.cli.references import read_query_image
    from vitrail.service.operations.searching import (
        DEFAULT_SEEDS,
        DEFAULT_UNRELATED,
        ImageQuery,
        PromptQuery,
    )

    if prompt is None:
        return ImageQuery(read_query_image(opened.store, str(image)))
    device, precision = settings
    return PromptQuery(
        prompt,
        seeds=seeds or DEFAULT_SEEDS,
        model=model or "embedded",
        unrelated=DEFAULT_UNRELATED if background is None else background,
        device=device,
        precision=precision,
    )


def _tell_unfinished(query: EmbeddedQuery) -> None:
    """Say that the unrelated prompts took too long, so that fewer are compared with."""
    from vitrail.service.operations.background import SECONDS

    if query.compared < query.unrelated:
        print(
            f"{query.compared} of {counted(query.unrelated, 'unrelated prompt')} to compare with "
            f"drawn in {SECONDS:.0f} s; the next search by prompt goes on",
            file=sys.stderr,
        )
