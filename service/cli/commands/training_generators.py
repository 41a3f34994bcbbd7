"""``vitrail train-generator``: Stable Diffusion made to know one's own images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.generator_options import Practice
from vitrail.service.cli.learning_options import LearnedFilterOption
from vitrail.service.cli.options import (
    CollectionOption,
    JsonOption,
    NoProgressOption,
    collection_directory,
)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("train-generator")(train_generator)


@bundled("practice", Practice)
def train_generator(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders of images; cat.txt beside cat.png is its caption. Without any, those of "
            "the collection.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder, which becomes the trained model.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(help="Hub name, directory, safetensors file, or embedded.", metavar="NAME"),
    ] = "embedded",
    prompt: Annotated[
        str | None,
        typer.Option(
            help="One caption for all images, with a word of your own: 'a zeb dog'.",
            metavar="PROMPT",
            show_default=False,
        ),
    ] = None,
    collection: CollectionOption = None,
    captions: Annotated[
        str | None,
        typer.Option(
            help="Column of the collection whose values are captions. Default: what images were "
            "made by.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None,
    where: LearnedFilterOption = None,
    *,
    practice: Practice,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
) -> None:
    """Fine-tune a Stable Diffusion on your images.

    By low-rank weights (LoRA) or as a whole, with --prior so that the class stays what it was
    (DreamBooth); or by a --token that stands for what the images show (textual inversion). Sheets
    of samples and metrics (training/metrics.jsonl in the new folder) tell how it goes. The folder
    is a model like any other: "vitrail generate PROMPT --model OUT"; low-rank weights lie in it as
    files for --lora, and tokens as files, both for diffusers, ComfyUI and A1111. Ctrl-C and kills
    lose nothing that matters: run the same command to go on.
    """
    from vitrail.indexer.errors import InputError
    from vitrail.service.cli.trained_generator import print_trained_generator
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.captioned import CaptionedSource
    from vitrail.service.operations.generator_records import GeneratorRequest
    from vitrail.service.operations.training_generators import train_generator as run

    if out is None:
        raise InputError("name a new folder for the trained model by --out")
    named = None if folders else str(collection_directory(collection))
    source = CaptionedSource(tuple(map(str, folders or ())), named, captions, where, prompt)
    request = GeneratorRequest(
        source,
        model,
        str(out.expanduser()),
        practice.options(),
        practice.kept(),
        tuple(practice.sample or ()),
    )
    with AnalysisViewer(quiet=quiet, doing="looking for images") as viewer:
        made = run(request, progress=viewer, cancellation=viewer.cancellation)
    print_trained_generator(made, as_json=json)
