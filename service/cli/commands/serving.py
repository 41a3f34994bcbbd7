"""``vitrail serve``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.indexer.paths import at_home
from vitrail.indexer.settings import STATE, in_use
from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.completion import CHECKPOINTS, values
from vitrail.service.cli.options import (
    CollectionOption,
    DeviceOption,
    PrecisionOption,
    RuntimeOption,
    choice,
    collection_directory,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from vitrail.service.http.observing.logs import LogFormat
    from vitrail.service.http.options import ServiceOptions
    from vitrail.service.http.serving import Serving

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


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("serve")(serve)


@bundled("reached", Reached)
@bundled("shown", Shown)
@bundled("running", Running)
def serve(
    collections: Annotated[
        list[str] | None,
        typer.Argument(
            help="Collections to serve, each a directory or NAME=DIR; the first is asked where a "
            "request names none. Default: the one of --collection.",
            metavar="COLLECTION",
            show_default=False,
        ),
    ] = None,
    collection: CollectionOption = None,
    state: StateOption = None,
    *,
    reached: Reached,
    shown: Shown,
    running: Running,
    demo: Annotated[
        bool, typer.Option("--demo", help="Index the example images, and serve them.")
    ] = False,
    open_: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser once it answers.")
    ] = False,
) -> None:
    """Answer programs and browsers over HTTP, on this machine.

    Answers until Ctrl-C; a second Ctrl-C does not wait for what is under way. Other processes may
    write to the collections meanwhile: what they commit is found a second later. Beyond this
    machine a key is needed, which "vitrail keys new" makes.
    """
    run = _runner()
    from vitrail.service.cli.served import index_examples, print_ready, read_places

    places = read_places(collections or (), "collections")
    if demo:
        places = {"demo": in_use().cache_folder / "demo", **places}
        index_examples(places["demo"])
    elif not places:
        places = read_places([str(collection_directory(collection))], "collections")
    log, requests = _log(shown.log_format)

    def ready(serving: Serving) -> None:
        print_ready(serving)
        if open_:
            import webbrowser

            webbrowser.open(serving.address)

    run(_options(places, state, reached, shown, running), ready, log=log, requests=requests)
    typer.echo("Ended; requests that were under way are answered.")


def _runner() -> Callable[..., None]:
    """What serves.

    Raises:
        InputError: the extra is not installed.
    """
    from vitrail.indexer.errors import InputError

    try:
        from vitrail.service.http.serving import serve as run
    except ImportError as error:
        raise InputError(
            f"serving needs the package {error.name}: `pip install 'vitrail[serve]'`"
        ) from error
    return run


def _options(
    places: dict[str, Path], state: Path | None, reached: Reached, shown: Shown, running: Running
) -> ServiceOptions:
    from vitrail.service.cli.served import read_checkpoints, read_models, read_places
    from vitrail.service.http.options import ServiceOptions

    options = ServiceOptions(
        places,
        state_folder(state),
        host=reached.host,
        port=reached.port,
        roots=read_places(shown.root or (), "roots"),
        models=read_models(shown.model or ()),
        originals=shown.originals,
        paths=shown.show_paths,
        trash=shown.allow_trash,
        read_only=shown.read_only,
        keys=reached.keys,
        rate=reached.rate,
        allow_hosts=tuple(reached.allow_host or ()),
        allow_origins=tuple(reached.allow_origin or ()),
        proxies=tuple(reached.trusted_proxy or ()),
        root_path=reached.root_path,
        runtime=running.runtime,
        device=running.device,
        precision=running.precision,
        checkpoints=read_checkpoints(running.checkpoint or (), next(iter(places))),
        warm=running.warm,
    )
    _warn(options)
    return options


def _warn(options: ServiceOptions) -> None:
    """Say aloud what is left open."""
    if not options.needs_keys and not options.on_loopback:
        may = "search" if options.read_only else "search and change"
        typer.echo(
            f"vitrail: whoever reaches {options.host} may {may} all of it, without a key",
            err=True,
        )


def _log(given: str | None) -> tuple[LogFormat, bool]:
    """How lines of the log are written, and whether each request is one."""
    if given is None:
        return "text", False
    return ("json" if choice("--log-format", given, ("text", "json")) == "json" else "text"), True


def state_folder(given: Path | None) -> Path:
    """The folder of what is a service's own: the one given, or the default place."""
    return in_use().state_folder if given is None else at_home(given)
