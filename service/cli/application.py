"""The application of the commands, made of just the one that is asked for where that is known.

To declare all of them takes longer than a search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module

import typer

from vitrail.service.cli.help import PlainCommand

EXIT_CODES = """
Exit codes: 0 done; 1 an error, in one line on standard error; 2 unusable arguments or input;
3 another process is writing to the collection; 4 verify found damage; 130 interrupted, what was
committed is kept.
"""


HOMES = {
    "index": "indexing",
    "reembed": "indexing",
    "search": "searching",
    "list": "listing",
    "duplicates": "duplicates",
    "decide": "duplicates",
    "decisions": "duplicates",
    "spaces": "spaces",
    "whiten": "spaces",
    "tune-spaces": "spaces",
    "train-encoder": "training",
    "distil": "distilling",
    "train-generator": "training_generators",
    "pick-checkpoint": "picking",
    "calibrate": "calibrating",
    "classify": "classifying",
    "labels": "classifying",
    "compare": "comparing",
    "audit": "auditing",
    "map": "mapping",
    "sample": "mapping",
    "generate": "generating",
    "img2img": "generating",
    "inpaint": "generating",
    "style": "generating",
    "lineage": "tracing",
    "reproduce": "tracing",
    "info": "maintaining",
    "annotate": "maintaining",
    "remove": "maintaining",
    "tidy": "maintaining",
    "rejects": "maintaining",
    "verify": "maintaining",
    "export": "maintaining",
    "import": "maintaining",
    "export-encoder": "exporting",
    "serve": "serving",
    "keys": "keys",
    "mcp": "assisting",
}
"""Each command, in the order of the help page -> the module of ``commands`` that declares it."""


def chosen(words: Sequence[str]) -> typer.Typer:
    """The application for what was typed: of one command, or of all where none is named first.

    Args:
        words: what follows ``vitrail``.
    """
    return alone(words[0]) if words and words[0] in HOMES else whole()


@cache
def whole() -> typer.Typer:
    """The application of all commands."""
    made = _empty()
    for module in dict.fromkeys(HOMES.values()):
        made.registered_commands += _declared(module)
    return made


@cache
def alone(command: str) -> typer.Typer:
    """The application as if it had no other command."""
    made = _empty()
    made.registered_commands += [
        one for one in _declared(HOMES[command]) if command_name(one) == command
    ]
    return made


def command_name(command: typer.models.CommandInfo) -> str:
    """What a command is called."""
    return command.name or (command.callback.__name__ if command.callback else "")


def _declared(module: str) -> Iterator[typer.models.CommandInfo]:
    """The commands of a module."""
    app = typer.Typer()
    import_module(f"vitrail.service.cli.commands.{module}").register(app)
    for command in app.registered_commands:
        command.cls = PlainCommand
        yield command


def _empty() -> typer.Typer:
    """The application without any command."""
    made = typer.Typer(
        name="vitrail",
        help="Find images by how they look: index folders, search by image or by prompt.",
        epilog=EXIT_CODES,
        no_args_is_help=True,
        # rich's help screens cost 0.2 s at every start; plain ones are as clear
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_root)
    return made


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"vitrail {version('vitrail')}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", callback=_version, is_eager=True
    ),
) -> None:
    pass
