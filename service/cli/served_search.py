"""A search that a service does, asked and told as if it were done here."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.indexer.settings import KEY, SERVER, in_use
from vitrail.service.cli.questions import Asking
from vitrail.service.cli.search_options import Searching

if TYPE_CHECKING:
    from pathlib import Path

    from vitrail.search.query import Hit
    from vitrail.service.client.client import Client
    from vitrail.service.client.questions import ServedImage
    from vitrail.service.client.readings import ServedResult

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar=SERVER,
        metavar="URL",
        help="Ask a service that vitrail serve runs; NAME=URL for one of its other collections. "
        f"Its key: {KEY}.",
        show_default=False,
    ),
]
_NAMED = re.compile(r"([^=:/]+)=(\w+://.*)")


def refuse_here_alone(**given: object) -> None:
    """Refuse what a service does not do, or is told where it is started.

    Args:
        given: the options by name, ``None`` where they are not given.

    Raises:
        InputError: naming the first that is given.
    """
    from vitrail.service.cli.refusals import refuse_unless

    refuse_unless(
        "what is done here, not by a service", f"ask without --server (and {SERVER})", **given
    )


def own_collection(collection: Path | None) -> Path | None:
    """The collection here that an option named, and not the environment alone."""
    return None if collection == in_use().collection else collection


def placed(runtime: str, device: str, precision: str) -> dict[str, str | None]:
    """What a service is told where it is started, where something else than the usual was said."""
    given = {"runtime": runtime, "device": device, "precision": precision}
    return {name: None if said == "auto" else said for name, said in given.items()}


def search_there(
    server: str, images: Sequence[str], asking: Asking, searching: Searching, *, json: bool
) -> None:
    """Ask a service, and print what it answers.

    Args:
        server: its address, and a collection's name where one is named.
        images: named without an option.
        asking: what else is asked with.
        searching: how.
        json: whether the answer is printed for programs.

    Raises:
        InputError: no image is named so, or an option cannot be used.
        VitrailError: as the service tells.
    """
    from vitrail.service.cli.documents import print_document
    from vitrail.service.cli.output import print_table
    from vitrail.service.cli.text import one_line
    from vitrail.service.documents.answers import answer_document

    with open_client(server) as client:
        result = _ask(client, images, asking, searching)
    result = replace(result, hits=[*map(_named, result.hits)])
    if json:
        print_document(answer_document(result.title, result))
    else:
        print_table(result, searching.shown(result), seeds=_is_prompt_alone(images, asking))
    for note in result.notes:
        typer.echo(f"note: {one_line(note)}", err=True)


def open_client(server: str) -> Client:
    """A client of what was typed for a service.

    Raises:
        InputError: it is no address.
    """
    from vitrail.service.client.client import Client

    name, url = read_server(server)
    return Client(url, in_use().key or None, collection=name)


def read_server(server: str) -> tuple[str | None, str]:
    """The name of a collection, where one was typed, and the address of its service."""
    named = _NAMED.fullmatch(server)
    return (None, server) if named is None else (named[1], named[2])


def _ask(
    client: Client, images: Sequence[str], asking: Asking, searching: Searching
) -> ServedResult:
    mixed = bool(asking.prompt or asking.not_prompt) and not _is_prompt_alone(images, asking)
    spaces = () if searching.space is None else [*client.info()["spaces"]]
    return client.search(
        *map(_image, (*images, *(asking.positive or ()))),
        text=asking.text,
        prompt=asking.prompt,
        negative=[*map(_image, asking.negative or ())],
        not_text=asking.not_text or (),
        not_prompt=asking.not_prompt or (),
        box=asking.box,
        region=asking.region,
        seeds=asking.seeds,
        model=asking.model,
        background=0 if mixed else asking.background,
        options=searching.options(spaces),
    )


def _is_prompt_alone(images: Sequence[str], asking: Asking) -> bool:
    """Whether nothing but one prompt is asked with, so that its images' agreement tells of it."""
    others = (images, asking.positive, asking.negative, asking.text)
    return asking.prompt is not None and not any((*others, asking.not_text, asking.not_prompt))


def _image(text: str) -> ServedImage:
    """What was typed for an image: a file of this machine, standard input, or an id.

    Raises:
        InputError: none of these.
    """
    from vitrail.indexer.errors import InputError

    if text == "-":
        data = sys.stdin.buffer.read()
        if not data:
            raise InputError("standard input was empty; pipe an image into it")
        return data
    path = os.path.expanduser(text)
    if os.path.exists(path):
        return path
    if text.isascii() and text.isdigit():
        return int(text)
    raise InputError(
        f"{text!r} is no file here and no id; a service is asked with a file, or with an image of "
        "its collection by id"
    )


def _named(hit: Hit) -> Hit:
    """A hit that shows its file's name where the service does not tell where it lies."""
    info = hit.metadata
    if info.paths or info.path is None:
        return hit
    return replace(hit, metadata=replace(info, paths=(info.path,)))
