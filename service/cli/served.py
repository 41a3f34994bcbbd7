"""What a service is told to serve, and what it tells of itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vitrail.indexer.errors import InputError
from vitrail.indexer.paths import at_home
from vitrail.indexer.wording import counted
from vitrail.service.cli.text import one_line

if TYPE_CHECKING:
    from vitrail.service.http.serving import Serving

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
"""The example images, where this is a checkout."""
ENCODER = "dinov2-small-focus"  # which needs no network
_NAMED = re.compile(r"([a-z0-9][a-z0-9._-]{0,63})=(.+)", re.DOTALL)
_UNFIT = re.compile(r"[^a-z0-9._-]+")


def read_places(given: Sequence[str], what: str) -> dict[str, Path]:
    """Directories by name: ``NAME=DIR``, or ``DIR``, which is named after itself.

    Args:
        given: as it was written.
        what: such places are, for errors.

    Raises:
        InputError: two have one name, or a name cannot be made of a directory's.
    """
    places: dict[str, Path] = {}
    for text in given:
        named = _NAMED.fullmatch(text)
        path = at_home(Path(named[2] if named else text))
        name = named[1] if named else name_of(path)
        if name in places:
            raise InputError(
                f"two {what} are called {name!r}: {places[name]} and {path}; write NAME=DIR"
            )
        places[name] = path
    return places


def read_models(given: Sequence[str]) -> dict[str, str]:
    """Checkpoints that may draw, by name: ``NAME=CHECKPOINT``, beside the embedded one.

    Raises:
        InputError: a name is missing, or is one's already.
    """
    models = {"embedded": "embedded"}
    for text in given:
        named = _NAMED.fullmatch(text)
        if named is None:
            raise InputError(f"--model {text!r} has no name; write NAME=CHECKPOINT")
        if named[1] in models:
            raise InputError(f"two models are called {named[1]!r}; name them differently")
        models[named[1]] = named[2]
    return models


def read_checkpoints(given: Sequence[str], first: str) -> dict[str, str]:
    """Checkpoints by collection: ``NAME=CHECKPOINT``, or ``CHECKPOINT`` of the first one.

    Args:
        given: as it was written.
        first: name of the first collection.

    Raises:
        InputError: two are of one collection.
    """
    checkpoints: dict[str, str] = {}
    for text in given:
        named = _NAMED.fullmatch(text)
        name, checkpoint = (named[1], named[2]) if named else (first, text)
        if name in checkpoints:
            raise InputError(
                f"two checkpoints are given for {name!r}: {checkpoints[name]} and {checkpoint}; "
                "leave one out"
            )
        checkpoints[name] = checkpoint
    return checkpoints


def name_of(path: Path) -> str:
    """A name that can stand in an address, made of a directory's.

    Raises:
        InputError: nothing of it is left.
    """
    name = _UNFIT.sub("-", path.absolute().name.lower().removesuffix(".vitrail")).strip("-._")
    if not name:
        raise InputError(f"no name can be made of {path}; write NAME=DIR, NAME of a-z, 0-9 and -")
    return name[:64]


def index_examples(directory: Path) -> None:
    """Bring the collection of the example images up to date.

    Raises:
        InputError: this is no checkout, which has them.
    """
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.service.cli.viewers import IndexViewer
    from vitrail.service.operations.indexing import index
    from vitrail.service.operations.opening import EncoderChoice

    if not EXAMPLES.is_dir():
        raise InputError(
            "the example images come with the source, and this is an installed package; index a "
            "folder of your own, and serve that"
        )
    options = IndexOptions(label_from="parent")
    with IndexViewer(quiet=False, said=options) as viewer:
        done = index(
            directory,
            [str(EXAMPLES)],
            options,
            EncoderChoice(ENCODER),
            progress=viewer,
            cancellation=viewer.cancellation,
        )
        viewer.finish(done.counts)
    if done.counts.interrupted:
        raise typer.Exit(130)


def print_ready(serving: Serving) -> None:
    """Tell where the service answers, in a line, and what is missing for it to."""
    total = sum(serving.images.values())
    names = ", ".join(serving.images)
    typer.echo(one_line(f"Serving {counted(total, 'image')} of {names} at {serving.address}"))
    if serving.keys == 0:
        typer.echo(
            "vitrail: nobody is let in yet, since there is no key: vitrail keys new --scope read",
            err=True,
        )
