"""``vitrail mcp``: a collection for assistants."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.indexer.settings import in_use
from vitrail.service.cli.bundles import bundled
from vitrail.service.cli.options import (
    CollectionOption,
    DeviceOption,
    PrecisionOption,
    RuntimeOption,
    collection_directory,
)
from vitrail.service.cli.served_search import (
    ServerOption,
    own_collection,
    placed,
    read_server,
    refuse_here_alone,
)

if TYPE_CHECKING:
    from types import ModuleType

    from vitrail.service.http.options import ServiceOptions


@dataclass(frozen=True)
class Granted:
    """What an assistant may see and do."""

    root: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder whose files the assistant may name; may be repeated. Without, it names "
            "images by their ids, or sends them.",
            metavar="DIR",
            readable=False,
            show_default=False,
        ),
    ] = None
    write: Annotated[
        bool, typer.Option("--write", help="Also let it make images, which are indexed.")
    ] = False
    show_paths: Annotated[bool, typer.Option("--show-paths", help="Tell it where files lie.")] = (
        False
    )
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Stable Diffusion checkpoint that may draw, as NAME=CHECKPOINT, beside the "
            "embedded one; may be repeated.",
            metavar="NAME=CHECKPOINT",
            show_default=False,
        ),
    ] = None


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("mcp")(mcp)


@bundled("opened", Granted)
def mcp(
    collection: CollectionOption = None,
    server: ServerOption = None,
    *,
    opened: Granted,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Let an assistant search a collection (MCP).

    It is one that speaks the Model Context Protocol: its settings name this command, which it
    starts, and talks to over standard input and output. It can search by image, text and prompt,
    list, show, describe and compare images, and find duplicates. It changes nothing without
    --write, and of the collection's files it gets thumbnails alone.
    """
    running = _running()
    from vitrail.service.mcp.images import OpenFolders

    folders = OpenFolders(opened.root or ())
    if server is None:
        directory = collection_directory(collection)
        running.run_here(_options(directory, opened, runtime, device, precision), folders)
        return
    refuse_here_alone(
        collection=own_collection(collection),
        model=opened.model[0] if opened.model else None,
        show_paths=opened.show_paths or None,
        **placed(runtime, device, precision),
    )
    name, url = read_server(server)
    running.run_there(url, in_use().key or None, name, folders, write=opened.write)


def _running() -> ModuleType:
    """What runs the server.

    Raises:
        InputError: the extra is not installed.
    """
    from vitrail.indexer.errors import InputError

    try:
        from vitrail.service.mcp import running
    except ImportError as error:
        raise InputError(
            f"assistants need the package {error.name}: `pip install 'vitrail[mcp]'`"
        ) from error
    return running


def _options(
    directory: Path, opened: Granted, runtime: str, device: str, precision: str
) -> ServiceOptions:
    """The service within this process; it gives out no files, and takes no folders to index."""
    from vitrail.service.cli.served import name_of, read_models
    from vitrail.service.http.options import ServiceOptions

    return ServiceOptions(
        {name_of(directory): directory},
        in_use().state_folder,
        models=read_models(opened.model or ()),
        originals=False,
        paths=opened.show_paths,
        read_only=not opened.write,
        runtime=runtime,
        device=device,
        precision=precision,
    )
