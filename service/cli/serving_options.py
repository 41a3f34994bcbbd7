"""Options of ``vitrail serve``: where a service is reached, what it gives out, and what runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from vitrail.indexer.paths import at_home
from vitrail.indexer.settings import STATE, in_use
from vitrail.service.cli.completion import CHECKPOINTS, values
from vitrail.service.cli.options import DeviceOption, PrecisionOption, RuntimeOption

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        envvar=STATE,
        readable=False,
        metavar="DIR",
        help="Folder of keys, jobs, thumbnails and the audit log. Default: one in the platform's "
        "user-data folder.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Reached:
    """Where a service is reached, and by whom."""

    host: Annotated[str, typer.Option(help="Address to listen at.", metavar="ADDRESS")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int,
        typer.Option(
            help="Port to listen at; 0 for any that is free.", metavar="PORT", min=0, max=65535
        ),
    ] = 8000
    keys: Annotated[
        bool | None,
        typer.Option(
            "--with-keys/--without-keys",
            help="Whether a key is needed. Default: only where others than this machine can ask.",
            show_default=False,
        ),
    ] = None
    rate: Annotated[
        str | None,
        typer.Option(
            help="How often one key, or one address, may ask, such as 600/minute. Default: "
            "3000/minute where keys are needed.",
            metavar="RATE",
            show_default=False,
        ),
    ] = None
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Name that the service may be asked by, beside its own; may be repeated.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Origin whose pages may ask, such as https://example.org; may be repeated.",
            metavar="ORIGIN",
            show_default=False,
        ),
    ] = None
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of a proxy whose word on who asks is taken; may be repeated.",
            metavar="ADDRESS",
            show_default=False,
        ),
    ] = None
    root_path: Annotated[
        str,
        typer.Option(
            help="Path below which a proxy shows the service and its page, such as /vitrail.",
            metavar="PATH",
            show_default=False,
        ),
    ] = ""


@dataclass(frozen=True)
class Shown:
    """What a service gives out, takes in and tells."""

    root: Annotated[
        list[str] | None,
        typer.Option(
            help="Folder that may be indexed through the service, as NAME=DIR; may be repeated.",
            metavar="NAME=DIR",
            show_default=False,
        ),
    ] = None
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Stable Diffusion checkpoint that may draw, as NAME=CHECKPOINT, beside the "
            "embedded one; may be repeated.",
            metavar="NAME=CHECKPOINT",
            show_default=False,
        ),
    ] = None
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Change nothing, whoever asks.")
    ] = False
    allow_trash: Annotated[
        bool,
        typer.Option("--allow-trash", help="Let jobs move copies to the system's trash."),
    ] = False
    originals: Annotated[
        bool,
        typer.Option("--originals/--no-originals", help="Give out the files of images."),
    ] = True
    show_paths: Annotated[
        bool, typer.Option("--show-paths", help="Tell in replies where files lie.")
    ] = False
    log_format: Annotated[
        str | None,
        typer.Option(
            help="Log every request on standard error, as text or json. Default: only what goes "
            "wrong, as text.",
            metavar="FORMAT",
            show_default=False,
            autocompletion=values("text", "json"),
        ),
    ] = None


@dataclass(frozen=True)
class Running:
    """What runs encoders, and when they are loaded."""

    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            help="Certified export of a collection's encoder that runs in its place, as "
            "NAME=CHECKPOINT, or of the first one; may be repeated.",
            metavar="[NAME=]CHECKPOINT",
            show_default=False,
            autocompletion=values(*CHECKPOINTS),
        ),
    ] = None
    runtime: RuntimeOption = "auto"
    device: DeviceOption = "auto"
    precision: PrecisionOption = "auto"
    warm: Annotated[
        bool,
        typer.Option(
            "--warm/--no-warm", help="Load indexes and encoders before the first request."
        ),
    ] = True


def state_folder(given: Path | None) -> Path:
    """The folder of what is a service's own: the one given, or the default place."""
    return in_use().state_folder if given is None else at_home(given)
