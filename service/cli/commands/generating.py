"""Verbs of the generator: generate, img2img, inpaint, style."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.sampling import (
    AgainstOption,
    Drawing,
    GuardOption,
    ImageArgument,
    MarkOption,
    PromptArgument,
    RetriesOption,
    drawing_options,
    read_guard,
)
from vitrail.service.cli.served_search import (
    ServerOption,
    own_collection,
    placed,
    refuse_here_alone,
)

if TYPE_CHECKING:
    from vitrail.service.operations.guarding import GuardOptions
    from vitrail.service.operations.references import ImageReference
    from vitrail.service.operations.tasks import MaskShape, Task


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
    guard: GuardOption = None,
    against: AgainstOption = None,
    retries: RetriesOption = None,
    mark: MarkOption = None,
    server: ServerOption = None,
    *,
    drawing: Drawing,
) -> None:
    """Make images from prompts, and index them.

    One prompt, or a file of them; the recipes are kept with the images.
    Images already made by the same recipe are not made again, so an interrupted run goes on when
    it is run again.

    With --guard each image is held against its nearest before it is kept, as "vitrail audit" does.
    Copies are refused: other seeds are tried, and the exit code is 1 where an image is lacking in
    the end. Images that are drawn from others (img2img, inpaint, style) are near these by design,
    and have no guard.
    """
    from vitrail.generator.prompts import read_prompts
    from vitrail.indexer.errors import InputError
    from vitrail.service.cli.served_jobs import generate_there
    from vitrail.service.operations.tasks import TextToImage

    if (prompt is None) == (prompts is None):
        raise InputError("give a prompt or --prompts FILE, one of the two")
    guarding = read_guard(guard, against, retries, mark)
    texts = [prompt] if prompt is not None else [line.text for line in read_prompts(prompts or "")]
    if server is not None:
        refuse_here_alone(
            collection=own_collection(drawing.collection),
            lora=drawing.lora[0] if drawing.lora else None,
            checkpoint=drawing.checkpoint,
            space=drawing.space[0] if drawing.space else None,
            **placed("auto", drawing.device, drawing.precision),
        )
        generate_there(server, texts, drawing, guarding)
        return
    _generate(drawing, TextToImage(tuple(texts)), guarding)


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
    from vitrail.service.operations.tasks import ImageToImage

    _generate(drawing, ImageToImage(_input(drawing, image, "IMAGE"), prompt, strength))


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
    from vitrail.service.operations.tasks import Inpaint

    init = _input(drawing, image, "IMAGE")
    _generate(drawing, Inpaint(init, prompt, _mask(mask), strength, feather))


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
        float | None,
        typer.Option(
            help="How far the result is drawn anew, 0 to 1; without, 0.4, or 0.8 by attention.",
            metavar="S",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="What of the style is taken: statistics of its latents, or by attention its keys "
            "and values.",
            metavar="statistics|attention",
        ),
    ] = "statistics",
    query_kept: Annotated[
        float | None,
        typer.Option(
            help="By attention, how much the content keeps of what it asks the style for, 0 to 1; "
            "without, 0.3.",
            metavar="S",
            show_default=False,
        ),
    ] = None,
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

    By --method attention the look shows most: both images are taken back to noise, and the content
    is drawn again with the keys and values of the style. It leaves nothing to chance, heeds the
    prompt only with --guidance above 1, and leaves white ground as it is.

    The result is indexed with its recipe and lineage.
    """
    from vitrail.service.operations.tasks import StyleTransfer

    task = StyleTransfer(
        _input(drawing, content, "CONTENT"),
        _input(drawing, look, "STYLE"),
        prompt,
        style_strength=style_strength,
        content_strength=content_strength,
        method=method,
        query_kept=query_kept,
        ip_adapter=ip_adapter,
        ip_adapter_scale=ip_adapter_scale,
    )
    _generate(drawing, task)


def _input(drawing: Drawing, text: str, role: str) -> ImageReference:
    from vitrail.service.cli.references import read_input_image

    return read_input_image(drawing.directory, text, role)


def _mask(text: str) -> MaskShape | ImageReference:
    from vitrail.service.cli.references import read_mask

    return read_mask(text, "--mask")


def _generate(drawing: Drawing, task: Task, guard: GuardOptions | None = None) -> None:
    from vitrail.service.cli.generated import print_generated_as_json
    from vitrail.service.cli.tables import print_path
    from vitrail.service.cli.viewers import GenerationViewer
    from vitrail.service.operations.generating import generate as make

    with GenerationViewer(quiet=drawing.quiet) as viewer:
        made = make(
            drawing.directory,
            task,
            replace(drawing.options, guard=guard),
            progress=viewer,
            cancellation=viewer.cancellation,
        )
        viewer.finish(made)
    if drawing.json:
        print_generated_as_json(made)
    else:
        for path in made.paths if len(made.paths) <= 20 and not drawing.quiet else ():
            print_path(str(path))
    if made.interrupted:
        raise typer.Exit(130)
    if made.lacking:
        raise typer.Exit(1)
