"""Verbs of the generator: generate, img2img, inpaint, style."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.options import (
    CollectionOption,
    QuietOption,
    collection_directory,
)
from service.sampling import (
    DeviceOption,
    ForceOption,
    GuidanceOption,
    LoraOption,
    ModelOption,
    NegativeOption,
    NOption,
    PrecisionOption,
    PromptArgument,
    SchedulerOption,
    SeedOption,
    SizeOption,
    StepsOption,
)

if TYPE_CHECKING:
    from generator.checks import Sampling
    from generator.pictures import Picture
    from service.making import Work


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for name, command in (
        ("generate", generate),
        ("img2img", img2img),
        ("inpaint", inpaint),
        ("style", style),
    ):
        app.command(name)(command)


def generate(
    prompt: Annotated[
        str | None, typer.Argument(help="What to draw.", metavar="PROMPT", show_default=False)
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="File with a prompt a line; # starts a comment.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    n: NOption = 1,
    seed: SeedOption = 0,
    negative: NegativeOption = "",
    width: SizeOption = None,
    height: SizeOption = None,
    steps: StepsOption = None,
    guidance: GuidanceOption = None,
    scheduler: SchedulerOption = None,
    lora: LoraOption = None,
    model: ModelOption = "embedded",
    force: ForceOption = False,
    collection: CollectionOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Make images from prompts, and index them.

    One prompt, or a file of them; the recipes are kept with the images.
    Images already made by the same recipe are not made again, so an interrupted run goes on when
    it is run again.
    """
    from generator import text_to_image
    from generator.checkpoint_files import find_checkpoint
    from generator.loras import open_lora
    from generator.prompts import read_prompts
    from indexer.errors import InputError
    from service.making import Work

    if (prompt is None) == (prompts is None):
        raise InputError("give a prompt or --prompts FILE, one of the two")
    texts = [prompt] if prompt is not None else [line.text for line in read_prompts(prompts or "")]
    info = find_checkpoint(model)
    loras = tuple(open_lora(one) for one in lora or ())
    sampling = _sampling(n, seed, negative, scheduler, steps, guidance)
    recipes = [
        recipe
        for text in texts
        for recipe in text_to_image.plan(
            info, text, sampling=sampling, width=width, height=height, loras=loras
        )
    ]
    work = Work(info, recipes, loras=loras, device=device, precision=precision)
    _run(collection, work, force=force, quiet=quiet)


def img2img(
    image: Annotated[
        str, typer.Argument(help="File, or indexed image by id or path.", metavar="IMAGE")
    ],
    prompt: PromptArgument,
    strength: Annotated[
        float, typer.Option(help="0 keeps the image, 1 keeps nothing of it.", metavar="S")
    ] = 0.6,
    n: NOption = 1,
    seed: SeedOption = 0,
    negative: NegativeOption = "",
    width: SizeOption = None,
    height: SizeOption = None,
    steps: StepsOption = None,
    guidance: GuidanceOption = None,
    scheduler: SchedulerOption = None,
    lora: LoraOption = None,
    model: ModelOption = "embedded",
    force: ForceOption = False,
    collection: CollectionOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Draw an image anew under a prompt.

    The result is indexed with its recipe and lineage.
    """
    from generator import image_to_image
    from generator.checkpoint_files import find_checkpoint
    from generator.loras import open_lora
    from service.making import Work

    info = find_checkpoint(model)
    loras = tuple(open_lora(one) for one in lora or ())
    init = _input(collection, image)
    sampling = _sampling(n, seed, negative, scheduler, steps, guidance)
    recipes = image_to_image.plan(
        info,
        prompt,
        init,
        strength=strength,
        sampling=sampling,
        width=width,
        height=height,
        loras=loras,
    )
    work = Work(info, recipes, {"init": init}, loras, device, precision)
    _run(collection, work, force=force, quiet=quiet)


def inpaint(
    image: Annotated[
        str, typer.Argument(help="File, or indexed image by id or path.", metavar="IMAGE")
    ],
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
    n: NOption = 1,
    seed: SeedOption = 0,
    negative: NegativeOption = "",
    steps: StepsOption = None,
    guidance: GuidanceOption = None,
    scheduler: SchedulerOption = None,
    lora: LoraOption = None,
    model: ModelOption = "embedded",
    force: ForceOption = False,
    collection: CollectionOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Repaint part of an image.

    Every pixel outside the mask stays exactly as it was. The result is indexed with its recipe and
    lineage.
    """
    from generator import inpaint as task
    from generator.checkpoint_files import find_checkpoint
    from generator.loras import open_lora
    from generator.masks import open_mask
    from service.making import Work

    info = find_checkpoint(model)
    loras = tuple(open_lora(one) for one in lora or ())
    init = _input(collection, image)
    marked = open_mask(mask, init.image.size)
    sampling = _sampling(n, seed, negative, scheduler, steps, guidance)
    recipes = task.plan(
        info,
        prompt,
        init,
        marked,
        strength=strength,
        feather=feather,
        sampling=sampling,
        loras=loras,
    )
    pictures = {"init": init} | ({"mask": marked.source} if marked.source is not None else {})
    work = Work(info, recipes, pictures, loras, device, precision)
    _run(collection, work, force=force, quiet=quiet)


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
    n: NOption = 1,
    seed: SeedOption = 0,
    negative: NegativeOption = "",
    width: SizeOption = None,
    height: SizeOption = None,
    steps: StepsOption = None,
    guidance: GuidanceOption = None,
    scheduler: SchedulerOption = None,
    lora: LoraOption = None,
    model: ModelOption = "embedded",
    force: ForceOption = False,
    collection: CollectionOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Give one image the look of another.

    The result is indexed with its recipe and lineage.
    """
    from generator import style as task
    from generator.checkpoint_files import find_checkpoint
    from generator.loras import open_lora
    from service.making import Work

    info = find_checkpoint(model)
    loras = tuple(open_lora(one) for one in lora or ())
    pictures = {"content": _input(collection, content), "style": _input(collection, look)}
    sampling = _sampling(n, seed, negative, scheduler, steps, guidance)
    recipes = task.plan(
        info,
        prompt,
        pictures["content"],
        pictures["style"],
        style_strength=style_strength,
        content_strength=content_strength,
        sampling=sampling,
        width=width,
        height=height,
        loras=loras,
    )
    work = Work(info, recipes, pictures, loras, device, precision)
    _run(collection, work, force=force, quiet=quiet)


def _sampling(
    n: int,
    seed: int,
    negative: str,
    scheduler: str | None,
    steps: int | None,
    guidance: float | None,
) -> Sampling:
    from generator.checks import Sampling

    return Sampling(n, seed, negative, scheduler, steps, guidance)


def _input(collection: Path | None, text: str) -> Picture:
    from indexer.collection.collection import is_collection
    from indexer.errors import ImageRejectedError
    from search.collection import Collection
    from service.asking import unusable_picture
    from service.making import open_input

    directory = collection_directory(collection)
    try:
        if not is_collection(str(directory)):
            return open_input(None, text)
        with Collection.open(directory) as pictures:
            return open_input(pictures, text)
    except ImageRejectedError as error:
        raise unusable_picture(repr(text), error) from error


def _run(collection: Path | None, work: Work, *, force: bool, quiet: bool) -> None:
    from generator.watching import Watch
    from search.collection import Collection
    from service.interrupts import stop_on_interrupt
    from service.making import make_and_index
    from service.progress import MakingDisplay

    directory = collection_directory(collection)
    with (
        Collection.open(directory) as pictures,
        stop_on_interrupt() as stop,
        MakingDisplay(quiet=quiet, total=len(work.recipes)) as display,
    ):
        watch = Watch(on_step=display.step, cancel=stop)
        made = make_and_index(pictures, work, force=force, watch=watch, on_image=display.update)
        display.finish(made)
    for path in made.paths if len(made.paths) <= 20 and not quiet else []:
        typer.echo(path)
    if made.interrupted:
        raise typer.Exit(130)
