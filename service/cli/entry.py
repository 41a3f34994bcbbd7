"""The ``vitrail`` command: one function a verb, each importing what it needs when it runs."""

from __future__ import annotations

import atexit
import gc
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from vitrail.service.cli.application import chosen
from vitrail.service.cli.pipes import hush

if TYPE_CHECKING:
    from vitrail.indexer.settings import Settings

# what DuckDB makes of a signal that comes while a query runs
_STOPPED_QUERY = "Query interrupted"
# the base of all errors of usage; typer does not export it
_UsageError: type[Exception] = typer.BadParameter.__mro__[2]

_PLAIN = {  # what typer passes on of its parser, and what that means
    r"Input should be a valid integer.*": "give a whole number",
    r"Input should be a valid number.*": "give a number",
    r"Input should be greater than or equal to (\S+)": r"give \1 or more",
}


def main() -> None:
    """Run the command line; every foreseen error is one line on standard error."""
    from vitrail.indexer.settings import read_settings

    _start_fast()
    settings = read_settings()
    _stand_in()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of another encoding shows an escape
            stream.reconfigure(errors="backslashreplace")
    with _failures(debug=settings.debug):
        sys.exit(_run(settings))


def _start_fast() -> None:
    """Spare a short command a fifth of its time.

    The many objects that a start makes all stay, so that looking for garbage among them again and
    again, and at the end once more, finds none; typer checks arguments by pydantic, which would
    look for plugins in every distribution that is installed.
    """
    from vitrail.indexer.telemetry import pass_over_plugins

    gc.set_threshold(100_000, 50, 50)
    atexit.register(gc.freeze)
    pass_over_plugins()


def _run(settings: Settings) -> int:
    """Run what was asked; its exit code."""
    from vitrail.indexer.settings import using
    from vitrail.service.cli.building import showing_builds
    from vitrail.service.cli.interrupts import clean_ends

    try:
        with using(settings), _warnings(), clean_ends(), showing_builds():
            code = chosen(sys.argv[1:])(standalone_mode=False)
    finally:
        _flush()  # a closed pipe shows here, not after the last handler
    return code if isinstance(code, int) else 0


@contextmanager
def _failures(*, debug: bool) -> Iterator[None]:
    """Each foreseen error as one line on standard error and an exit code."""
    from vitrail.indexer.errors import VitrailError
    from vitrail.service.cli.exits import exit_code
    from vitrail.service.cli.refusals import in_options

    try:
        yield
    except _UsageError as error:
        _refuse(error)
    except VitrailError as error:
        _fail(in_options(error), exit_code(error), debug=debug)
    except (KeyboardInterrupt, typer.Abort):
        _interrupted()
    except RuntimeError as error:
        if str(error) != _STOPPED_QUERY:
            raise
        _interrupted()
    except BrokenPipeError:
        _leave_pipe()
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):  # typer has met it first
            _leave_pipe()
        raise
    except (MemoryError, OSError) as error:
        _fail(_of_the_system(error), 1, debug=debug)


def _interrupted() -> NoReturn:
    with suppress(OSError):  # the terminal may be what has gone
        typer.echo("vitrail: interrupted", err=True)
    sys.exit(130)


def _of_the_system(error: MemoryError | OSError) -> str:
    """What the system refuses, in words."""
    if isinstance(error, MemoryError):
        return "memory ran out; nothing committed is lost: close programs, and run again"
    what = error.filename or "the system"
    return f"{what}: {error.strerror or error}; check the path, its rights and the disk"


@contextmanager
def _warnings() -> Iterator[None]:
    """What the packages warn of, a line each, like errors."""
    import logging

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            typer.echo(f"vitrail: {_line(record.getMessage())}", err=True)

    log, lines = logging.getLogger("vitrail"), Lines(logging.WARNING)
    log.addHandler(lines)
    try:
        yield
    finally:
        log.removeHandler(lines)


def _stand_in() -> None:
    """Put an empty file in the place of a standard stream that is closed.

    Its number would be the next opened file's, perhaps the catalog's, and what a library says on
    standard error would be written there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


def _flush() -> None:
    """Write out what was printed, and name standard output where it cannot be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        hush()
        raise OSError(error.errno, error.strerror, "standard output") from error


def _leave_pipe() -> None:
    """The reader of a pipe, such as head, has seen enough."""
    hush()
    sys.exit(0)


def _refuse(error: Any) -> None:
    """Show a call that cannot be understood; its words may be names that a shell put there."""
    from vitrail.service.cli.text import one_line

    message = error.message
    for said, plain in _PLAIN.items():
        message = re.sub(said, plain, message)
    if hasattr(error, "possibilities") and error.ctx is not None and error.ctx.parent is None:
        message += "; what a command takes stands after its name, as in `vitrail list -c DIR`"
        error.possibilities = None
    error.message = "\n".join(map(one_line, message.splitlines()))
    error.show()
    sys.exit(error.exit_code)


def _fail(message: str, code: int, *, debug: bool) -> None:
    if debug:
        raise  # the error being handled, with its traceback
    with suppress(OSError):  # the code tells it too, where standard error cannot be written
        typer.echo(f"vitrail: {_line(message)}", err=True)
    sys.exit(code)


def _line(message: str) -> str:
    from vitrail.service.cli.text import one_line

    # two spaces can be part of a name
    return one_line(re.sub(r"\s*[\r\n]\s*", " ", message.strip()))
