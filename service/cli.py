"""The ``vitrail`` command: one function a verb, each importing what it needs when it runs."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import Any

import typer

from vitrail.service.commands import generating, indexing, listing, maintaining, searching, tracing

EXIT_CODES = """
Exit codes: 0 done; 1 an error, in one line on standard error; 2 unusable arguments or input;
3 another process is writing to the collection; 4 verify found damage; 130 interrupted, what was
done is kept.
"""

app = typer.Typer(
    name="vitrail",
    help="Find images by how they look: index folders, search by picture or by prompt.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    # rich's help screens cost 0.2 s at every start; plain ones are as clear
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# the base of all errors of usage; typer does not export it
_UsageError: type[Exception] = typer.BadParameter.__mro__[2]

for module in (indexing, searching, listing, generating, tracing, maintaining):
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"vitrail {version('vitrail')}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", callback=_version, is_eager=True
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line; every foreseen error is one line on standard error."""
    from vitrail.indexer.errors import VitrailError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of another encoding shows an escape
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            code = app(standalone_mode=False)
        finally:
            sys.stdout.flush()  # a closed pipe shows here, not after the last handler
        sys.exit(code if isinstance(code, int) else 0)
    except _UsageError as error:
        _refuse(error)
    except VitrailError as error:
        _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("vitrail: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        _leave_pipe()
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):  # typer has met it first
            _leave_pipe()
        raise
    except OSError as error:
        what = error.filename or "the system"
        _fail(f"{what}: {error.strerror or error}; check the path, its rights and the disk", 1)


def _leave_pipe() -> None:
    """The reader of a pipe, such as head, has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


def _refuse(error: Any) -> None:
    """Show a call that cannot be understood; its words may be names that a shell put there."""
    from vitrail.service.text import one_line

    error.message = "\n".join(map(one_line, error.message.splitlines()))
    error.show()
    sys.exit(error.exit_code)


def _fail(message: str, code: int) -> None:
    if os.environ.get("VITRAIL_DEBUG"):
        raise  # the error being handled, with its traceback
    from vitrail.service.text import one_line

    line = re.sub(r"\s*[\r\n]\s*", " ", message.strip())  # two spaces can be part of a name
    typer.echo(f"vitrail: {one_line(line)}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
