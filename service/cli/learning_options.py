"""Options of the commands that teach models, as typer reads them."""

from __future__ import annotations

from typing import Annotated

import typer

from vitrail.service.cli.completion import values

EpochsOption = Annotated[
    int, typer.Option(help="How often all images are seen.", metavar="N", min=1)
]
WeightDecayOption = Annotated[float, typer.Option(help="Of AdamW.", metavar="X")]
WarmupOption = Annotated[
    float,
    typer.Option(
        help="Share of the steps in which the rate rises; it falls by a cosine afterwards.",
        metavar="SHARE",
    ),
]
AugmentOption = Annotated[
    str,
    typer.Option(
        help="none, light or strong: crops, mirrors, colours, compression.",
        metavar="HOW",
        autocompletion=values("none", "light", "strong"),
    ),
]
PatienceOption = Annotated[
    int,
    typer.Option(
        help="Epochs without anything better after which it ends; 0 for never.",
        metavar="N",
        min=0,
    ),
]
RecomputeOption = Annotated[
    bool, typer.Option("--recompute", help="Work activations out twice, to save memory.")
]
WorkersOption = Annotated[
    int, typer.Option(help="Threads that read and augment images.", metavar="N", min=1)
]
SaveEveryOption = Annotated[
    int,
    typer.Option(
        help="Steps between checkpoints, beside those after each epoch.", metavar="N", min=1
    ),
]
ValidationOption = Annotated[
    float, typer.Option(help="Share of the images that states are judged by.", metavar="SHARE")
]
HeldOutOption = Annotated[
    float, typer.Option(help="Share that is kept for the report alone.", metavar="SHARE")
]
AccumulateOption = Annotated[
    int,
    typer.Option(
        help="Parts in which a step's images go through the model, to save memory.",
        metavar="N",
        min=1,
    ),
]
LearnedFilterOption = Annotated[
    str | None,
    typer.Option(
        help="Learn from images of the collection that pass this SQL filter.",
        metavar="EXPRESSION",
        show_default=False,
    ),
]
