"""``vitrail audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrail.service.cli.completion import collection_spaces
from vitrail.service.cli.options import (
    CollectionOption,
    DeviceOption,
    JsonOption,
    NoProgressOption,
    PrecisionOption,
    RuntimeOption,
    check_target,
    collection_directory,
)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("audit")(audit)


def audit(
    collection: CollectionOption = None,
    generated: Annotated[
        str,
        typer.Option(help="SQL filter: the images that may copy.", metavar="EXPRESSION"),
    ] = "generated",
    against: Annotated[
        str,
        typer.Option(
            help="SQL filter: those that may have been copied, such as a training set.",
            metavar="EXPRESSION",
        ),
    ] = "not generated",
    space: Annotated[
        str | None,
        typer.Option(
            help="Compare vectors of this space. Default: the one that searches weigh most.",
            metavar="SPACE",
            show_default=False,
            autocompletion=collection_spaces,
        ),
    ] = None,
    no_pixels: Annotated[
        bool,
        typer.Option(
            "--no-pixels",
            help="Judge by vectors alone, without laying images over one another: at once, and "
            "much blinder.",
        ),
    ] = False,
    planted: Annotated[
        int,
        typer.Option(
            help="Images of which copies are planted, to see what is caught.", metavar="N", min=0
        ),
    ] = 24,
    pairs: Annotated[
        int, typer.Option(help="Most suspicious pairs to show.", metavar="N", min=0)
    ] = 24,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a self-contained report with the pairs.", metavar="FILE"),
    ] = None,
    json: JsonOption = False,
    quiet: NoProgressOption = False,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Find out whether generated images copy others.

    Each is held against its nearest images among those that it may copy. How high innocent images
    score is told by these, held against one another; what is caught, by copies that are planted.
    """
    from vitrail.service.cli.audit_report import (
        print_audit,
        print_audit_as_json,
        write_audit,
    )
    from vitrail.service.cli.text import one_line
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.auditing import AuditOptions
    from vitrail.service.operations.auditing import audit as find_copies
    from vitrail.service.operations.collection import Collection

    if html is not None:
        check_target(html, "report")
    options = AuditOptions(generated, against, space, not no_pixels, planted, pairs)
    directory = collection_directory(collection)
    with (
        Collection.open(directory, runtime=runtime, device=device, precision=precision) as opened,
        AnalysisViewer(quiet=quiet) as viewer,
    ):
        found = find_copies(opened, options, progress=viewer, cancellation=viewer.cancellation)
    if html is not None:
        write_audit(html, found, options)
    if json:
        print_audit_as_json(found, options)
    else:
        print_audit(found, options)
    if html is not None:
        typer.echo(one_line(f"report: {html}"), err=True)
