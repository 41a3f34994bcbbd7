"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrail.service.completion import CHECKPOINTS, collection_spaces, values

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
    str,
    typer.Option(
        help="What runs the model: auto, openvino or torch.",
        metavar="NAME",
        autocompletion=values("auto", "openvino", "torch"),
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        help="auto, cpu, cuda or mps.",
        metavar="NAME",
        autocompletion=values("auto", "cpu", "cuda", "mps"),
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        help="auto, fp32, bf16 or fp16.",
        metavar="NAME",
        autocompletion=values("auto", "fp32", "bf16", "fp16"),
    ),
]
CheckpointOption = Annotated[
    str | None,
    typer.Option(
        help="Encoder: Hub name, local directory, or dinov2-small-focus (embedded). Chosen once, "
        "when the collection is made. Default: google/vit-base-patch16-224.",
        metavar="NAME",
        show_default=False,
        autocompletion=values(*CHECKPOINTS),
    ),
]
SpacesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--space",
        help="Embedding space such as cls@12 or mean@9; may be repeated. Chosen once.",
        metavar="SPACE",
        show_default=False,
        autocompletion=collection_spaces,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]


def collection_directory(given: Path | None) -> Path:
    """The collection to use: the one given, or the default place."""
    if given is not None:
        return given.expanduser()
    from vitrail.indexer.paths import default_directory

    return Path(default_directory())


def check_target(path: Path, what: str) -> None:
    """Refuse a file to write that cannot be, before the work whose result it shall hold.

    Raises:
        InputError: its folder does not exist, or it is a folder itself.
    """
    from vitrail.indexer.errors import InputError

    path = path.expanduser()
    if path.is_dir():
        raise InputError(f"cannot write the {what} {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise InputError(
            f"cannot write the {what} {path}: there is no folder {path.parent}; make it, or choose "
            "another file"
        )
