"""``vitrail search``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.indexer.wording import counted
from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.completion import collection_spaces, values
from vitrail.service.cli.options import (
    CollectionOption,
    DeviceOption,
    Filtering,
    HtmlOption,
    JsonOption,
    PrecisionOption,
    RuntimeOption,
    check_target,
    choice,
    collection_directory,
)

if TYPE_CHECKING:
    from vitrail.service.operations.asking import Asked
    from vitrail.service.operations.collection import Collection


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("search")(search)


@bundled("filtering", Filtering)
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
    k: Annotated[int, typer.Option("--k", "-k", help="Hits wanted.", metavar="N")] = 10,
    space: Annotated[
        str | None,
        typer.Option(
            help="Space, or several with weights: cls@12:0.7,cls@6:0.3. Default: all, equally.",
            metavar="SPACES",
            show_default=False,
            autocompletion=collection_spaces,
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(help="Leave out hits with a lower score (a cosine, -1 to 1).", metavar="S"),
    ] = None,
    *,
    filtering: Filtering,
    fusion: Annotated[
        str | None,
        typer.Option(
            help="How the seeds of --prompt become one ranking: mean or rrf.",
            metavar="NAME",
            autocompletion=values("mean", "rrf"),
        ),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Scan everything; never approximate.")
    ] = False,
    json: JsonOption = False,
    html: HtmlOption = None,
    open_: Annotated[bool, typer.Option("--open", help="Show the contact sheet.")] = False,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Find images by picture or by prompt.

    Answers with the images that look most like a picture, or like what a prompt makes. Scores are
    cosines: 1 is the same, and what counts as close depends on the encoder. The answer says
    whether it is exact.
    """
    from vitrail.search.options import DEFAULT_FUSION
    from vitrail.service.cli.output import print_json, print_table
    from vitrail.service.cli.sheet import show, write_sheet
    from vitrail.service.cli.text import one_line
    from vitrail.service.operations.collection import Collection

    only = filtering.kind
    fusion_ = choice("--fusion", fusion or DEFAULT_FUSION, ("mean", "rrf"))
    _check_question(image, prompt, k)
    if prompt is None:
        _refuse_without_prompt(seeds=seeds, model=model, fusion=fusion, background=background)
    if html is not None:
        check_target(html, "contact sheet")
    directory = collection_directory(collection)
    with Collection.open(
        directory, runtime=runtime, device=device, precision=precision
    ) as pictures:
        weights = _weights(pictures, space)
        asked = _ask(pictures, image, prompt, seeds, model, background, (device, precision))
        result = pictures.find(
            asked.vectors,
            k=k,
            spaces=weights,
            min_score=min_score,
            where=filtering.where,
            only=only,
            fusion=fusion_,  # type: ignore[arg-type]
            exact=exact,
            exclude=asked.exclude,
            background=asked.background,
        )
        if html is not None or open_:
            sheet = write_sheet(html, asked, result)
            if open_:
                show(sheet)
        if json:
            print_json(asked, result)
        else:
            print_table(result)
            if html is not None:
                typer.echo(one_line(f"contact sheet: {html}"), err=True)
        for note in pictures.store.notes:
            typer.echo(f"note: {one_line(note)}", err=True)


def _check_question(image: str | None, prompt: str | None, k: int) -> None:
    """Refuse what no collection could answer before one is opened."""
    from vitrail.indexer.errors import InputError

    if (image is None) == (prompt is None):
        raise InputError("give an image or --prompt TEXT, one of the two")
    if k < 1:
        raise InputError(f"--k is {k}, but at least 1 hit must be asked for")


def _refuse_without_prompt(**given: object) -> None:
    """An option that would be ignored is a misunderstanding to be told."""
    from vitrail.indexer.errors import InputError

    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"--{name} {value} is for --prompt TEXT, and was given with an image; leave it "
                "out, or ask by a prompt"
            )


def _ask(
    pictures: Collection,
    image: str | None,
    prompt: str | None,
    seeds: int | None,
    model: str | None,
    background: int | None,
    settings: tuple[str, str],
) -> Asked:
    from vitrail.service.cli.progress import waiting
    from vitrail.service.operations.asking import (
        DEFAULT_BACKGROUND,
        DEFAULT_SEEDS,
        ask_by_image,
        ask_by_prompt,
        compare_with_unrelated,
    )

    if prompt is None:
        data = sys.stdin.buffer.read() if image == "-" else None
        with waiting("looking at the picture"):
            return ask_by_image(pictures, str(image), data)
    device, precision = settings
    count = seeds or DEFAULT_SEEDS
    model = model or "embedded"
    with waiting(f"making {counted(count, 'image')} of the prompt to search by"):
        asked = ask_by_prompt(
            pictures, prompt, seeds=count, model=model, device=device, precision=precision
        )
    others = DEFAULT_BACKGROUND if background is None else background
    if not others:
        return asked
    return compare_with_unrelated(
        pictures,
        asked,
        prompt,
        model=model,
        count=others,
        device=device,
        precision=precision,
    )


def _weights(pictures: Collection, text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    from vitrail.indexer.spaces import parse_weights

    return parse_weights(text, [name for name, _ in pictures.fingerprint.spaces])
