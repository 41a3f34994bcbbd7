"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.indexer.paths import at_home
from vitrail.indexer.settings import COLLECTION, in_use
from vitrail.service.cli.completion import CHECKPOINTS, collection_spaces, values

if TYPE_CHECKING:
    from vitrail.search.options import Only
    from vitrail.service.operations.opening import EncoderChoice

CollectionOption = Annotated[
    Path | None,
    typer.Option(
        "--collection",
        "-c",
        envvar=COLLECTION,
        readable=False,  # what the system refuses is told as for its files
        metavar="DIR",
        help="Directory of the collection. Default: one in the platform's user-data folder.",
        show_default=False,
    ),
]
RuntimeOption = Annotated[
    str,
    typer.Option(
        help="What runs the model: auto, openvino, onnx or torch.",
        metavar="NAME",
        autocompletion=values("auto", "openvino", "onnx", "torch"),
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        help="Where it runs: auto, cpu, cuda or mps.",
        metavar="NAME",
        autocompletion=values("auto", "cpu", "cuda", "mps"),
    ),
]
EncoderDeviceOption = Annotated[
    str,
    typer.Option(
        help="Where it runs: auto, cpu, cuda, mps, or spread over CUDA devices.",
        metavar="NAME",
        autocompletion=values("auto", "cpu", "cuda", "mps", "spread"),
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        help="Numbers to compute with: auto, fp32, bf16 or fp16.",
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
HtmlOption = Annotated[
    Path | None, typer.Option(help="Write a self-contained contact sheet.", metavar="FILE")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
QuietOption = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print only errors, and how many files were rejected."),
]
NoProgressOption = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print no progress, just the answer and notes on it."),
]


WhereOption = Annotated[
    str | None,
    typer.Option(
        help="SQL filter, such as \"label = 'cat' and width > 512\".", metavar="EXPRESSION"
    ),
]
OnlyOption = Annotated[
    str,
    typer.Option(
        help="all, generated or real images.",
        metavar="KIND",
        autocompletion=values("all", "generated", "real"),
    ),
]


@dataclass(frozen=True)
class Filtering:
    """Which images to list."""

    where: WhereOption = None
    only: OnlyOption = "all"

    @property
    def kind(self) -> Only:
        """``only``, checked.

        Raises:
            InputError: there is no such kind.
        """
        return kind_of_images(self.only)


@dataclass(frozen=True)
class Encoding:
    """How images are embedded: what ``index`` and ``reembed`` have in common."""

    batch_size: Annotated[
        int | None,
        typer.Option(help="Images a forward pass; default: by free memory.", metavar="N", min=1),
    ] = None
    workers: Annotated[
        int | None, typer.Option(help="Decoding threads; default: one a core.", metavar="N", min=1)
    ] = None
    runtime: RuntimeOption = "auto"
    device: EncoderDeviceOption = "auto"
    precision: PrecisionOption = "auto"
    convert_pickle: Annotated[
        bool,
        typer.Option(
            "--convert-pickle",
            help="Take a --checkpoint that is a PyTorch pickle: read it once in a process of its "
            "own, weights only, and keep safetensors in the cache.",
        ),
    ] = False

    def choice(self, checkpoint: str | None, spaces: Sequence[str] | None) -> EncoderChoice:
        """The encoder that is meant, and how it is run.

        Raises:
            InputError: a pickle is to be converted, and no checkpoint is named.
            CheckpointError: it holds more than weights, or is not there.
        """
        from vitrail.service.operations.converting import convert
        from vitrail.service.operations.opening import EncoderChoice

        if self.convert_pickle:
            convert(checkpoint)
        return EncoderChoice(
            checkpoint, tuple(spaces or ()), self.runtime, self.device, self.precision
        )


def choice(option: str, given: str, known: tuple[str, ...]) -> str:
    """What was given, if it is one of a few words.

    Raises:
        InputError: it is not.
    """
    from vitrail.indexer.errors import InputError

    if given not in known:
        raise InputError(f"{option} {given!r} is unknown; use one of {', '.join(known)}")
    return given


def kind_of_images(only: str) -> Only:
    """What ``--only`` was given, if there is such a kind.

    Raises:
        InputError: there is not.
    """
    return choice("--only", only, ("all", "generated", "real"))  # type: ignore[return-value]


def collection_directory(given: Path | None) -> Path:
    """The collection to use: the one given, or the default place."""
    if given is not None:
        return at_home(given)
    return in_use().collection_directory


def check_target(path: Path, what: str) -> None:
    """Refuse a file to write that cannot be, before the work whose result it shall hold.

    Raises:
        InputError: its folder does not exist, or it is a folder itself.
    """
    from vitrail.indexer.errors import InputError

    path = at_home(path)
    if path.is_dir():
        raise InputError(f"cannot write the {what} {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise InputError(
            f"cannot write the {what} {path}: there is no folder {path.parent}; make it, or choose "
            "another file"
        )
