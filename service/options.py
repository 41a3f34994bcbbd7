"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CollectionOption = Annotated[
    Path | None,
    typer.Option(
        "--collection",
        "-c",
        envvar="VITRAIL_COLLECTION",
        metavar="DIR",
        help="Directory of the collection. Default: one in the platform's user-data folder.",
        show_default=False,
    ),
]
RuntimeOption = Annotated[
    str, typer.Option(help="What runs the model: auto, openvino or torch.", metavar="NAME")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", metavar="NAME")]
PrecisionOption = Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.", metavar="NAME")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]


def collection_directory(given: Path | None) -> Path:
    """The collection to use: the one given, or the default place."""
    if given is not None:
        return given.expanduser()
    from indexer.paths import default_directory

    return Path(default_directory())
