"""Verbs of the generator: generate, img2img, inpaint, style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.sampling import Drawing, ImageArgument, PromptArgument, drawing_options

if TYPE_CHECKING:
    from vitrail.generator.images import InputImage
    from vitrail.indexer.recipes.recipe import Recipe
    from vitrail.service.operations.collection import Collection


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for name, command in (
        ("generate", generate),
        ("img2img", img2img),
        ("inpaint", inpaint),
        ("style", style),
    ):
        app.command(name)(command)


@drawing_options()
def generate(
    prompt: Annotated[
        str | None, typer.Argument(help="What to draw.", metavar="PROMPT", show_default=False)
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="File with a prompt a line; lines that begin with # are comments.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    *,
    drawing: Drawing,
) -> None:
    """Make images from prompts, and index them.

    One prompt, or a file of them; the recipes are kept with the images.
    Images already made by the same recipe are not made again, so an interrupted run goes on when
    it is run again.
    """
    from vitrail.generator.prompts import read_prompts
    from vitrail.generator.tasks import text_to_image
    from vitrail.indexer.errors import InputError

    if (prompt is None) == (prompts is None):
        raise InputError("give a prompt or --prompts FILE, one of the two")
    texts = [prompt] if prompt is not None else [line.text for line in read_prompts(prompts or "")]
    recipes = [
        recipe
        for text in texts
        for recipe in text_to_image.plan(
            drawing.info,
            text,
            sampling=drawing.sampling,
            width=drawing.width,
            height=drawing.height,
            loras=drawing.loras,
        )
    ]
    _make(drawing, recipes, {})


@drawing_options()
def img2img(
    image: ImageArgument,
    prompt: PromptArgument,
    strength: Annotated[
        float, typer.Option(help="0 keeps the image, 1 keeps nothing of it.", metavar="S")
    ] = 0.6,
    *,
    drawing: Drawing,
) -> None:
    """Draw an image anew under a prompt.

    The result is indexed with its recipe and lineage.
    """
    from vitrail.generator.tasks import image_to_image

    init = _input(drawing, image, "IMAGE")
    recipes = image_to_image.plan(
        drawing.info,
        prompt,
        init,
        strength=strength,
        sampling=drawing.sampling,
        width=drawing.width,
        height=drawing.height,
        loras=drawing.loras,
    )
    _make(drawing, recipes, {"init": init})


@drawing_options(without=("width", "height"))
def inpaint(
    image: ImageArgument,
    prompt: PromptArgument,
    mask: Annotated[
        str,
        typer.Option(
            help="What to repaint: x0,y0,x1,y1, or a polygon 'x,y x,y x,y', or an image, white "
            "where to repaint.",
            metavar="MASK",
        ),
    ],
    strength: Annotated[
        float,
        typer.Option(
            help="1 draws from noise, less keeps something of what was there.", metavar="S"
        ),
    ] = 1.0,
    feather: Annotated[
        int,
        typer.Option(
            help="Pixels inside the mask's edge over which old and new blend.", metavar="N"
        ),
    ] = 0,
    *,
    drawing: Drawing,
) -> None:
    """Repaint part of an image.

    Every pixel outside the mask stays exactly as it was. The result is indexed with its recipe and
    lineage.
    """
    from vitrail.generator.tasks import inpaint as task
    from vitrail.generator.tasks.masks import open_mask

    init = _input(drawing, image, "IMAGE")
    marked = open_mask(mask, init.image.size, "--mask")
    recipes = task.plan(
        drawing.info,
        prompt,
        init,
        marked,
        strength=strength,
        feather=feather,
        sampling=drawing.sampling,
        loras=drawing.loras,
    )
    pictures = {"init": init} | ({"mask": marked.source} if marked.source is not None else {})
    _make(drawing, recipes, pictures)


@drawing_options()
def style(
    content: Annotated[
        str, typer.Argument(help="Whose things are kept: file, id or path.", metavar="CONTENT")
    ],
    look: Annotated[
        str, typer.Argument(metavar="STYLE", help="Whose look is taken: file, id or path.")
    ],
    prompt: Annotated[str, typer.Option(help="What the content shows.", metavar="TEXT")],
    style_strength: Annotated[
        float, typer.Option(help="How far the look moves to the style's, 0 to 1.", metavar="S")
    ] = 0.8,
    content_strength: Annotated[
        float, typer.Option(help="How far the result is drawn anew, 0 to 1.", metavar="S")
    ] = 0.4,
    ip_adapter: Annotated[
        str | None,
        typer.Option(
            help="IP-Adapter that shows the style image to the denoising: safetensors file or "
            "directory, with image_encoder/; without, the checkpoint's own.",
            metavar="PATH",
            show_default=False,
        ),
    ] = None,
    ip_adapter_scale: Annotated[
        float | None,
        typer.Option(
            help="How much it says, 0 to 1; without, 0.6.", metavar="S", show_default=False
        ),
    ] = None,
    *,
    drawing: Drawing,
) -> None:
    """Give one image the look of another.

    The result is indexed with its recipe and lineage.
    """
    from vitrail.generator.adapters.ip_adapters import choose_ip_adapter
    from vitrail.generator.tasks import style as task

    pictures = {
        "content": _input(drawing, content, "CONTENT"),
        "style": _input(drawing, look, "STYLE"),
    }
    recipes = task.plan(
        drawing.info,
        prompt,
        pictures["content"],
        pictures["style"],
        style_strength=style_strength,
        content_strength=content_strength,
        sampling=drawing.sampling,
        width=drawing.width,
        height=drawing.height,
        loras=drawing.loras,
        ip_adapter=choose_ip_adapter(drawing.info, ip_adapter, ip_adapter_scale),
    )
    _make(drawing, recipes, pictures)


def _input(drawing: Drawing, text: str, role: str) -> InputImage:
    from vitrail.indexer.collection.layout import is_collection
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.making import open_input

    if not is_collection(str(drawing.directory)):
        return open_input(None, text, role)
    with Collection.open(drawing.directory) as pictures:
        return open_input(pictures, text, role)


def _warn(drawing: Drawing, recipes: Sequence[Recipe], parents: Mapping[str, InputImage]) -> None:
    """Say what a small model can do nothing with, before it tries."""
    from vitrail.generator.checkpoints.scope import outside_notes

    prompts = [recipe.prompt for recipe in recipes]
    pictures = [picture for role, picture in parents.items() if role != "mask"]
    for note in outside_notes(drawing.info, prompts, pictures):
        typer.echo(f"note: {note}", err=True)


def _make(drawing: Drawing, recipes: Sequence[Recipe], parents: Mapping[str, InputImage]) -> None:
    from vitrail.generator.watching import Watch
    from vitrail.service.cli.interrupts import stop_on_interrupt
    from vitrail.service.cli.progress import MakingDisplay
    from vitrail.service.cli.tables import print_path
    from vitrail.service.operations.making import Work, make_and_index

    work = Work(drawing.info, recipes, parents, drawing.loras, drawing.device, drawing.precision)
    with _open(drawing) as pictures, stop_on_interrupt() as cancellation:
        if not drawing.quiet:
            _warn(drawing, recipes, parents)
        with MakingDisplay(quiet=drawing.quiet, total=len(recipes)) as display:
            watch = Watch(on_step=display.step, cancellation=cancellation)
            made = make_and_index(
                pictures, work, force=drawing.force, watch=watch, on_image=display.update
            )
            display.finish(made)
    for path in made.paths if len(made.paths) <= 20 and not drawing.quiet else []:
        print_path(str(path))
    if made.interrupted:
        raise typer.Exit(130)


def _open(drawing: Drawing) -> Collection:
    """The collection to put the images into, begun where there is none."""
    from vitrail.indexer.collection.layout import is_collection
    from vitrail.indexer.errors import CheckpointError
    from vitrail.service.cli.commands.indexing import open_or_create
    from vitrail.service.cli.text import one_line

    new = not is_collection(str(drawing.directory))
    settings = ("auto", "auto", "auto")  # --device and --precision are the generator's
    try:
        pictures = open_or_create(drawing.directory, drawing.checkpoint, drawing.space, settings)
    except CheckpointError as error:
        if not new or drawing.checkpoint is not None:
            raise
        raise CheckpointError(
            f"there is no collection at {drawing.directory} yet, and the encoder of a new one "
            f"cannot be had: {error}"
        ) from error
    if new and not drawing.quiet:
        encoder = pictures.fingerprint.describe()
        typer.echo(one_line(f"new collection {drawing.directory}, encoder {encoder}"), err=True)
    return pictures
