"""Where the service listens, and how many connections it takes up."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vitrail.indexer.errors import InputError

_WHY = {
    errno.EADDRINUSE: "another program listens there; stop it, or name another by --port (0 takes "
    "any that is free)",
    errno.EACCES: "the system keeps it for others; name one from 1024 on by --port",
    errno.EADDRNOTAVAIL: "this machine has no such address; name one of its own by --host",
}


class Door(socket.socket):
    """A listening socket that ends connections beyond ``most`` before they take a file for long.

    An event loop takes up all connections that wait, some two thousand, before it tells of the
    first. After a moment in which the processor did other things those were more than there are
    files, and it then fills the log for as long as they come.

    Attributes:
        most: that may be open at once; ``None`` for any number.
    """

    most: int | None = None

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self._taken: list[socket.socket] = []

    def accept(self) -> tuple[socket.socket, Any]:
        """Take up a connection.

        Raises:
            ConnectionAbortedError: there are too many; it is ended.
            OSError: as a socket's own.
        """
        made, address = super().accept()
        if self.most is not None:
            if len(self._taken) >= self.most:  # those that ended are still among them
                self._taken = [one for one in self._taken if one.fileno() >= 0]
            if len(self._taken) >= self.most:
                made.close()
                raise ConnectionAbortedError(errno.ECONNABORTED, "too many connections are open")
            self._taken.append(made)
        return made, address


@contextmanager
def listening(host: str, port: int) -> Iterator[Door]:
    """The socket of an address.

    Raises:
        InputError: it cannot be had; the line says why, and what to do.
    """
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=2048)
        found = Door(fileno=made.detach())
        # Connections have it from here. asyncio sets it only on sockets that say they are of TCP,
        # which not every system tells of these, and half of each answer would wait 40 ms for an
        # acknowledgement.
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        why = _WHY.get(error.errno or 0, f"{error.strerror or error}; name another by --host")
        raise InputError(f"cannot listen at {host}, port {port}: {why}") from error
    with found:
        yield found
