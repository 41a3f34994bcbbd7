"""``vitrail search``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.options import (
    CollectionOption,
    DeviceOption,
    JsonOption,
    PrecisionOption,
    RuntimeOption,
    collection_directory,
)

if TYPE_CHECKING:
    from search.collection import Collection
    from service.asking import Asked


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("search")(search)


def search(
    image: Annotated[
        str | None,
        typer.Argument(
            help="Image file, - for standard input, or an image of the collection by id or path.",
            show_default=False,
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(help="Search by what this prompt generates.", show_default=False),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Images generated for --prompt.", min=1)] = 4,
    model: Annotated[
        str, typer.Option(help="Stable Diffusion checkpoint for --prompt.")
    ] = "embedded",
    collection: CollectionOption = None,
    k: Annotated[int, typer.Option("--k", "-k", help="Hits wanted.")] = 10,
    space: Annotated[
        str | None,
        typer.Option(
            help="Space, or several with weights: cls@12:0.7,cls@6:0.3. Default: all, equally.",
            show_default=False,
        ),
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(help="Leave out hits with a lower score (a cosine, -1 to 1).")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(help="SQL filter, such as \"label = 'cat' and width > 512\"."),
    ] = None,
    only: Annotated[str, typer.Option(help="all, generated or real images.")] = "all",
    fusion: Annotated[
        str | None,
        typer.Option(help="How the seeds of --prompt become one ranking: mean or rrf."),
    ] = None,
    exact: Annotated[bool, typer.Option(help="Scan everything; never approximate.")] = False,
    json: JsonOption = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a self-contained contact sheet.", metavar="FILE")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show the contact sheet.")] = False,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Find the images that look most like a picture, or like what a prompt makes.

    Scores are cosines: 1 is the same, 0 unrelated. The answer says whether it is exact.
    """
    from search.collection import Collection
    from search.query import DEFAULT_FUSION
    from service.output import print_json, print_table
    from service.sheet import show, write_sheet

    only_ = _choice("--only", only, ("all", "generated", "real"))
    fusion_ = _choice("--fusion", fusion or DEFAULT_FUSION, ("mean", "rrf"))
    directory = collection_directory(collection)
    with Collection.open(
        directory, runtime=runtime, device=device, precision=precision
    ) as pictures:
        asked = _ask(pictures, image, prompt, seeds, model)
        result = pictures.find(
            asked.vectors,
            k=k,
            spaces=_weights(pictures, space),
            min_score=min_score,
            where=where,
            only=only_,  # type: ignore[arg-type]
            fusion=fusion_,  # type: ignore[arg-type]
            exact=exact,
            exclude=asked.exclude,
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
                typer.echo(f"contact sheet: {html}", err=True)


def _ask(
    pictures: Collection, image: str | None, prompt: str | None, seeds: int, model: str
) -> Asked:
    from indexer.errors import InputError
    from service.asking import ask_by_image, ask_by_prompt

    if (image is None) == (prompt is None):
        raise InputError("give an image or --prompt TEXT, one of the two")
    if prompt is not None:
        return ask_by_prompt(pictures, prompt, seeds=seeds, model=model)
    data = sys.stdin.buffer.read() if image == "-" else None
    return ask_by_image(pictures, str(image), data)


def _weights(pictures: Collection, text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    from indexer.spaces import parse_weights

    return parse_weights(text, [name for name, _ in pictures.fingerprint.spaces])


def _choice(option: str, given: str, known: tuple[str, ...]) -> str:
    from indexer.errors import InputError

    if given not in known:
        raise InputError(f"{option} {given!r} is unknown; use one of {', '.join(known)}")
    return given
