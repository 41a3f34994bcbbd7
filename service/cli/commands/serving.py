"""``vitrail serve``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.indexer.settings import in_use
from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.options import (
    CollectionOption,
    choice,
    collection_directory,
)
from vitrail.service.cli.serving_options import (
    Reached,
    Running,
    Shown,
    StateOption,
    state_folder,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from vitrail.service.http.observing.logs import LogFormat
    from vitrail.service.http.options import ServiceOptions
    from vitrail.service.http.serving import Serving


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
