"""The service run until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from vitrail.indexer.errors import CollectionLockedError, InputError
from vitrail.indexer.files.durability import make_directory
from vitrail.indexer.files.lock import WriterLock
from vitrail.indexer.settings import in_use, using
from vitrail.service.http.app import create_app
from vitrail.service.http.hosting import Host
from vitrail.service.http.jobs.runner import JobRunner
from vitrail.service.http.listening import Door, listening
from vitrail.service.http.observing.logs import LogFormat, logging_to
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.keyring import KeyRing
from vitrail.service.http.security.slow_heads import in_time

GRACE_SECONDS = 10  # for what is under way when the service is told to stop
_CONNECTIONS = 1_000  # open at once; beyond, requests are refused
_SPARE = 10  # a tenth more connections is held, so that their requests are told so
_FILES = 4_096  # that the process asks the system to let it open: connections are files, too
_OTHER_FILES = 192  # of the collections, the service's state, and what decodes images


@dataclass(frozen=True, slots=True)
class Serving:
    """A service that answers.

    Attributes:
        address: such as ``http://127.0.0.1:8000``.
        images: name of each collection -> how many images it holds.
        keys: how many keys hold; ``None`` where none is needed.
    """

    address: str
    images: Mapping[str, int]
    keys: int | None


def serve(
    options: ServiceOptions,
    ready: Callable[[Serving], None],
    *,
    log: LogFormat = "text",
    requests: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; requests that are under way are answered first.

    A second SIGINT ends the process at once, which loses nothing that was committed.

    Args:
        options: what is served, and how.
        ready: told when requests are answered.
        log: how lines of the log are written, on standard error.
        requests: whether every request is one, or only what goes wrong.

    Raises:
        InputError: the port cannot be had, or another service has the folder of state, or
            that cannot be written.
        CollectionError: a collection is missing, damaged or of a newer format.
    """
    with (
        logging_to(style=log, requests=requests),
        own_state(options),
        bounded_filters(options),
        listening(options.host, options.port) as listener,
    ):
        address = address_of(options, listener)
        app = create_app(replace(options, port=listener.getsockname()[1]))
        with using(replace(in_use(), address=address)):  # whoever finds a collection locked asks it
            server = Server(
                options,
                app,
                lambda: ready(_serving(app, options, address)),
                connections=connections_at_most(),
            )
            server.run([listener])


def connections_at_most() -> int:
    """How many connections may be open at once, of the files that the system lets a process open.

    It is asked for more where it allows few at first, as most systems do.
    """
    try:
        import resource
    except ImportError:  # Windows counts otherwise
        return _CONNECTIONS
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return _CONNECTIONS
    if allowed < _FILES:
        wanted = _FILES if most == resource.RLIM_INFINITY else min(_FILES, most)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
            allowed = wanted
    return max(16, min(_CONNECTIONS, (allowed - _OTHER_FILES) * _SPARE // (_SPARE + 1)))


def address_of(options: ServiceOptions, listener: socket.socket) -> str:
    """Where a browser of this machine finds the service."""
    host = options.host.strip("[]")
    named = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - told, not bound
    shown = f"[{named}]" if ":" in named else named
    return f"http://{shown}:{listener.getsockname()[1]}{options.root_path}"


def _serving(app: FastAPI, options: ServiceOptions, address: str) -> Serving:
    host: Host = app.state.host
    ring: KeyRing = app.state.ring
    images = {one.name: len(one.collection.store) for one in host.all()}
    return Serving(address, images, len(ring) if options.needs_keys else None)


@contextmanager
def own_state(options: ServiceOptions) -> Iterator[None]:
    """Hold the folder of state, whose jobs two services would both do."""
    lock = WriterLock(str(options.state / "serving.lock"))
    try:
        if not options.state.is_dir():
            make_directory(str(options.state))
            options.state.chmod(0o700)  # images that were handed in lie there, too
        lock.acquire()
    except CollectionLockedError as error:
        raise InputError(f"{error}; or name another folder by --state") from error
    except OSError as error:
        why = f"{options.state} cannot be written: {error.strerror or error}"
        remedy = "make room, change its rights, or name another folder by --state"
        raise InputError(f"{why}; {remedy}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def bounded_filters(options: ServiceOptions) -> Iterator[None]:
    """Give filters less time than the command line does, unless the environment says how much."""
    settings = in_use()
    seconds = settings.filter_seconds or f"{options.limits.filter_seconds:g}"
    with using(replace(settings, filter_seconds=seconds)):
        yield


class Below:
    """Shows an application below a path, whether a proxy takes that away before it asks or not.

    Uvicorn's own way puts it before whatever is asked, so that the address that is told for it
    could not be asked without a proxy, or through one that leaves addresses as they are.

    Args:
        app: the application.
        root: the path, without a slash at its end.
    """

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app, self._root = app, root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            path = scope["path"]
            whole = path if f"{path}/".startswith(f"{self._root}/") else self._root + path
            scope = {**scope, "root_path": self._root, "path": whole}
        await self._app(scope, receive, send)


class Server(uvicorn.Server):
    """Uvicorn's, which ends without an error when it is told to.

    Args:
        options: of the service.
        app: what it answers by.
        ready: called once it does.
        connections: that may be open at once.
    """

    def __init__(
        self,
        options: ServiceOptions,
        app: FastAPI,
        ready: Callable[[], None],
        *,
        connections: int = _CONNECTIONS,
    ) -> None:
        most = connections + connections // _SPARE
        super().__init__(
            uvicorn.Config(
                Below(app, options.root_path) if options.root_path else app,
                http=in_time(options.limits.head_seconds, most),
                ws="none",
                lifespan="off",  # entered below, so that its errors are ours to tell
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(options.proxies),
                forwarded_allow_ips=list(options.proxies),
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._app, self._ready, self._connections = app, ready, connections
        self._most = most
        app.state.crowded = self._is_crowded  # uvicorn's own limit is told as plain text

    def _is_crowded(self) -> bool:
        held = self.server_state
        return max(len(held.connections), len(held.tasks)) >= self._connections

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Open what is served, answer, and close it."""
        for listener in sockets or ():
            if isinstance(listener, Door):
                listener.most = self._most
        with self.capture_signals():
            async with self._app.router.lifespan_context(self._app):
                await self._serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell who started it that it answers."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell what would go on that it ends."""
        self._app.state.closing.set()
        runner: JobRunner = self._app.state.runner
        runner.stop_telling()  # streams of events would go on for as long as they may
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Heed signals; being told to stop is how a service ends, not an interruption."""
        with super().capture_signals(), _heeding_hangups(self.handle_exit):
            try:
                yield
            finally:
                self._captured_signals.clear()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in good order, or at once where that is asked for while it ends."""
        if self.should_exit and sig == signal.SIGINT:
            logging.shutdown()
            os._exit(130)
        super().handle_exit(sig, frame)


@contextmanager
def _heeding_hangups(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Heed the end of a terminal, too, unless it is ignored, as nohup wants it."""
    number = getattr(signal, "SIGHUP", None)
    in_main = threading.current_thread() is threading.main_thread()
    if number is None or not in_main or signal.getsignal(number) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(number, handle)
    try:
        yield
    finally:
        signal.signal(number, before)
