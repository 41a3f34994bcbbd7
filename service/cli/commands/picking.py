"""``vitrail pick-checkpoint``: which of the checkpoints that a training kept is the best."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrail.service.cli.completion import CHECKPOINTS, USUAL_SPACES, values
from vitrail.service.cli.options import DeviceOption, JsonOption, NoProgressOption, check_target


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("pick-checkpoint")(pick_checkpoint)


def pick_checkpoint(
    run: Annotated[
        Path,
        typer.Argument(help="Folder of a training, as train-generator left it.", metavar="RUN"),
    ],
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            help="Of what was taught; may be repeated. Default: captions that it learned.",
            metavar="PROMPT",
            show_default=False,
        ),
    ] = None,
    other: Annotated[
        list[str] | None,
        typer.Option(
            help="Of what is to stay as it was; may be repeated. Default: the prior's captions, or "
            "names that the model says it knows.",
            metavar="PROMPT",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Of each prompt; more tell more.", metavar="N", min=3)
    ] = 8,
    rate: Annotated[
        float,
        typer.Option(
            help="Share of images that copy nothing which may be held to be copies.",
            metavar="SHARE",
        ),
    ] = 0.01,
    references: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of images that copy nothing, to tell copies by; may be repeated.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[
        str,
        typer.Option(
            help="Encoder that images are compared by: Hub name or directory.",
            metavar="NAME",
            autocompletion=values(*CHECKPOINTS),
        ),
    ] = "dinov2-small-focus",
    space: Annotated[
        str | None,
        typer.Option(
            help="Space of it. Default: its own first.",
            metavar="SPACE",
            show_default=False,
            autocompletion=values(*USUAL_SPACES),
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder, which becomes the model of the best.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(
            help="The checkpoint that --out is made of, instead of the best.",
            metavar="N",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a self-contained report with what each makes.", metavar="FILE"),
    ] = None,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Tell which checkpoint of a generator's training to take.

    Each that was kept draws the same prompts from the same seeds. How near that comes to what was
    taught, how varied it is, how far other prompts have drifted and how many images are copies is
    weighed, with intervals. What is drawn stays in RUN/training/picked, so that what was
    interrupted goes on.
    """
    from vitrail.service.cli.documents import print_document
    from vitrail.service.cli.pick_report import write_pick_report
    from vitrail.service.cli.picked import print_pick
    from vitrail.service.cli.text import one_line
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.documents.picking import pick_document
    from vitrail.service.operations.pick_records import PickOptions
    from vitrail.service.operations.picking import pick_checkpoint as pick

    if html is not None:
        check_target(html, "report")
    options = PickOptions(
        run=str(run),
        prompts=tuple(prompt or ()),
        others=tuple(other or ()),
        seeds=seeds,
        rate=rate,
        references=tuple(map(str, references or ())),
        checkpoint=checkpoint,
        space=space,
        device=device,
        out=None if out is None else str(out),
        step=step,
    )
    with AnalysisViewer(quiet=quiet, doing="looking at the run") as viewer:
        made = pick(options, progress=viewer, cancellation=viewer.cancellation)
    if html is not None:
        write_pick_report(html, made)
    if json:
        print_document(pick_document(made))
    else:
        print_pick(made)
    if html is not None:
        typer.echo(one_line(f"report: {html}"), err=True)
