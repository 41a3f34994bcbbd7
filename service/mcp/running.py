"""The server run over standard input and output, until these end."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import NoReturn

import anyio

from vitrail.indexer.settings import in_use
from vitrail.service.client.transport import Transport
from vitrail.service.http.observing.logs import logging_to
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.within import ADDRESS, answering_within
from vitrail.service.mcp.images import OpenFolders
from vitrail.service.mcp.server import ToolServer, make_server
from vitrail.service.mcp.service import AskedService

TIMEOUT = 120.0
"""Seconds in which an answer that is no job has to come."""
_FOLDER = "mcp"


def run_here(options: ServiceOptions, folders: OpenFolders) -> NoReturn:
    """Answer of a collection of this machine, by a service within this process, which then ends.

    Args:
        options: of that service; its state is kept no longer than this runs.
        folders: whose files may be named.

    Raises:
        CollectionError: the collection is missing, damaged or of a newer format.
    """
    with ExitStack() as deaf:
        with (
            _own_folder() as state,
            logging_to(requests=False),
            answering_within(replace(options, state=state)) as carrier,
            closing(Transport(ADDRESS, None, TIMEOUT, carrier)) as transport,
        ):
            server = make_server(AskedService(transport), folders, write=not options.read_only)
            _answer(server, deaf)
        _leave()


def run_there(
    url: str, key: str | None, collection: str | None, folders: OpenFolders, *, write: bool
) -> NoReturn:
    """Answer of a collection that a running service holds; this process then ends.

    Args:
        url: where the service answers.
        key: that it lets in; ``None`` where it needs none.
        collection: name of the collection; the service's first where it is ``None``.
        folders: of this machine, whose files may be named.
        write: whether there are tools that write.

    Raises:
        InputError: the address or the key cannot be one.
        VitrailError: the service does not answer, or does not know the collection.
    """
    with ExitStack() as deaf:
        with closing(Transport(url, key, TIMEOUT)) as transport:
            service = AskedService(transport, collection)
            service.get("collection")  # what is wrong is said at once, where it is started
            _answer(make_server(service, folders, write=write), deaf)
        _leave()


def _answer(server: ToolServer, deaf: ExitStack) -> None:
    """Answer until standard input ends, or a signal tells to stop.

    In a thread, since nothing ends one that waits for standard input: whoever is told to stop
    meanwhile leaves it behind. Until ``deaf`` is over signals say nothing new: assistants send
    one where closing takes longer than they wait, and some again and again.
    """
    over: SimpleQueue[BaseException | int | None] = SimpleQueue()  # which a signal may put into

    def run() -> None:
        try:
            anyio.run(server.run_stdio_async)
            over.put(None)
        except BaseException as error:
            over.put(error)

    deaf.enter_context(_heeding(over.put))
    threading.Thread(target=run, name="mcp", daemon=True).start()
    end = over.get()
    if isinstance(end, BaseException):
        raise end


@contextmanager
def _heeding(handle: Callable[[int], None]) -> Iterator[None]:
    """Heed what tells a process to stop, where this is its main thread."""
    names = ("SIGINT", "SIGTERM", "SIGHUP") if _is_main() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    wanted = [one for one in numbers if signal.getsignal(one) is not signal.SIG_IGN]
    before = [(one, signal.signal(one, lambda number, _: handle(number))) for one in wanted]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _leave() -> NoReturn:
    """End the process at once: a signal that comes while Python winds up would make it a failure.

    Its thread may still wait for standard input, too, and nothing ends that.
    """
    logging.shutdown()
    os._exit(0)


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A folder of this process alone; those of processes that were killed are cleared away."""
    import psutil

    place = in_use().cache_folder / _FOLDER
    place.mkdir(parents=True, exist_ok=True)
    for left in place.iterdir():
        owner = left.name.partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix=f"{os.getpid()}-", dir=place, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)
