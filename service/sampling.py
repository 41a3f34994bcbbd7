"""Options that the generating commands share."""

from __future__ import annotations

from typing import Annotated

import typer

ModelOption = Annotated[
    str,
    typer.Option(
        help="Stable Diffusion checkpoint: embedded, Hub name, directory or file.", metavar="NAME"
    ),
]
NOption = Annotated[
    int, typer.Option("--n", "-n", help="Images, from consecutive seeds.", metavar="N")
]
SeedOption = Annotated[int, typer.Option(help="Seed of the first image.", metavar="N")]
NegativeOption = Annotated[
    str, typer.Option("--negative", help="What not to draw.", metavar="TEXT")
]
StepsOption = Annotated[
    int | None, typer.Option(help="Denoising steps.", metavar="N", show_default=False)
]
GuidanceOption = Annotated[
    float | None,
    typer.Option(help="Weight of classifier-free guidance.", metavar="W", show_default=False),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        help="Sampler, such as ddim, euler or dpm++2m.", metavar="NAME", show_default=False
    ),
]
LoraOption = Annotated[
    list[str] | None,
    typer.Option(
        help="LoRA as FILE or FILE:WEIGHT; may be repeated.", metavar="LORA", show_default=False
    ),
]
SizeOption = Annotated[int | None, typer.Option(help="In pixels.", metavar="N", show_default=False)]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Make images again that are there already.")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", metavar="NAME")]
PrecisionOption = Annotated[str, typer.Option(help="auto, fp32, fp16 or bf16.", metavar="NAME")]
PromptArgument = Annotated[str, typer.Argument(help="What to draw.", metavar="PROMPT")]
