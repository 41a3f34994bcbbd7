"""Requests to a service: what is sent, what is tried again, and problems raised as errors.

By httpx2, which huggingface-hub brings anyway: it keeps connections, is safe for threads, and has
a limit of time for each step, none of which the standard library's client has.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import in_one_line
from vitrail.service.client.errors import ServiceError, error_of

if TYPE_CHECKING:
    import httpx2

TRIES = 4  # of a read
_PAUSE = 0.25  # seconds before the second try, and twice as long before each that follows
_LONGEST_WAIT = 60.0  # that a service may ask for, in seconds
_CONNECT_SECONDS = 10.0
_BUSY = (429, 503)
Parameters = Mapping[str, str | int | Sequence[str]]


class Transport:
    """Connections to one service. Any number of threads may use it.

    Args:
        url: where it answers.
        key: that it lets in; ``None`` where it needs none.
        timeout: seconds in which it has to answer.
        carrier: of requests, to a service of this process; ``None`` for the network.

    Raises:
        InputError: the address or the key cannot be one.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        timeout: float,
        carrier: httpx2.BaseTransport | None = None,
    ) -> None:
        self.url = checked_url(url)
        if not timeout > 0:
            raise InputError(f"the timeout is {timeout}; give a number of seconds above 0")
        if key is not None and not (key.isascii() and key.isprintable() and key.strip()):
            raise InputError("the key is none: give it as `vitrail keys new` has shown it")
        self._key, self._timeout, self._carrier = key, timeout, carrier
        self._client: httpx2.Client | None = self._opened()

    def _opened(self) -> httpx2.Client:
        import httpx2

        told = {"User-Agent": "vitrail"}
        if self._key is not None:
            told["Authorization"] = f"Bearer {self._key}"
        return httpx2.Client(
            headers=told,
            transport=self._carrier,
            follow_redirects=False,  # the key is for this service alone
            trust_env=not _is_here(self.url),  # no proxy reaches this machine's own ports
        )

    def close(self) -> None:
        """Give connections back. It may be called again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """What a service tells, as JSON has it.

        Raises:
            VitrailError: as of the problem that it tells, or ``ServiceError``.
        """
        return self._json(self._read("GET", path, parameters))

    def get_bytes(self, path: str, parameters: Parameters | None = None) -> bytes:
        """The same, of what is no JSON."""
        return self._read("GET", path, parameters).content

    def ask(
        self, path: str, body: Any, parameters: Parameters | None = None, patience: float = 0
    ) -> Any:
        """What a service answers to a question, which changes nothing and may be put again.

        Args:
            path: of the question.
            body: of it.
            parameters: of the address.
            patience: seconds to wait beyond the timeout.

        Raises:
            VitrailError: as of ``get``.
        """
        return self._json(self._read("POST", path, parameters, json=body, patience=patience))

    def upload(self, path: str, data: bytes) -> Any:
        """What a service says to some bytes, which are the same however often they arrive."""
        return self._json(self._read("POST", path, None, content=data))

    def change(
        self, method: str, path: str, body: Any = None, parameters: Parameters | None = None
    ) -> Any:
        """Ask for what changes something. It is sent once, whatever becomes of it.

        Raises:
            VitrailError: as of ``get``.
        """
        return self._json(self._checked(self._send(method, path, parameters, json=body)))

    def _read(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        *,
        json: Any = None,
        content: bytes | None = None,
        patience: float = 0,
    ) -> httpx2.Response:
        """A request that may be sent again: where no answer comes, or it is told when to."""
        send = partial(
            self._send, method, path, parameters, json=json, content=content, patience=patience
        )
        for tries in range(1, TRIES):
            pause = _PAUSE * 2 ** (tries - 1)
            try:
                answer = send()
            except ServiceError as error:
                if error.code != "unreachable":
                    raise
            else:
                wait = _wait_for(answer)
                if wait is None:
                    return self._checked(answer)
                pause = wait
            time.sleep(pause)
        return self._checked(send())

    def _send(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        *,
        json: Any = None,
        content: bytes | None = None,
        patience: float = 0,
    ) -> httpx2.Response:
        import httpx2

        if self._client is None:
            raise ServiceError("the client is closed; make another", code="closed")
        most, soon = self._timeout + patience, min(self._timeout, _CONNECT_SECONDS)
        limit = httpx2.Timeout(most, connect=soon)
        try:
            return self._client.request(
                method,
                f"{self.url}/v1/{path}",
                params=None if parameters is None else dict(parameters),
                json=json,
                content=content,
                timeout=limit,
            )
        except httpx2.TimeoutException as error:
            waited = soon if isinstance(error, httpx2.ConnectTimeout) else most
            raise ServiceError(
                f"the service at {self.url} did not answer within {waited:g} s",
                remedy="ask for less, or give a longer timeout",
                code="timeout",
            ) from error
        except ValueError as error:
            raise InputError(
                f"what is asked cannot be sent: {in_one_line(error)}",
                remedy="give texts that are valid Unicode, and numbers that are finite",
            ) from error
        except httpx2.TransportError as error:
            raise ServiceError(
                f"no service answers at {self.url} ({' '.join(str(error).split()) or 'no reply'})",
                remedy="start it by `vitrail serve`, or name another address",
                code="unreachable",
            ) from error

    def _checked(self, answer: httpx2.Response) -> httpx2.Response:
        if answer.is_success:
            return answer
        kind = answer.headers.get("content-type", "")
        if kind.startswith("application/problem+json"):
            told = self._json(answer)
            if isinstance(told, dict):
                raise error_of(told, answer.status_code)
        raise self._foreign(f"status {answer.status_code}")

    def _json(self, answer: httpx2.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            raise self._foreign("what is no JSON") from error

    def _foreign(self, what: str) -> ServiceError:
        return ServiceError(
            f"what answers at {self.url} is no service of Vitrail: it gave {what}",
            remedy="name the address that `vitrail serve` has told",
            code="foreign",
        )


def checked_url(url: str) -> str:
    """The address of a service, without a slash at its end.

    Raises:
        InputError: it is none.
    """
    try:
        parts = urlsplit(url.strip())
        fine = parts.scheme in ("http", "https") and bool(parts.hostname)
        port_known = parts.port is None or parts.port > 0
    except ValueError:
        fine = port_known = False
    if not fine or not port_known or parts.query or parts.fragment:
        raise InputError(
            f"{url!r:.200} is no address of a service; give one such as http://127.0.0.1:8000"
        )
    if "@" in parts.netloc:
        raise InputError("an address holds no name and no password; give the key by itself")
    return url.strip().rstrip("/")


def part_of_path(name: str) -> str:
    """A name as a part of an address."""
    return quote(name, safe="")


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _wait_for(answer: httpx2.Response) -> float | None:
    """How long a service wants to be left alone; ``None`` where its answer is one."""
    if answer.status_code not in _BUSY:
        return None
    try:
        wait = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return None
    return wait if 0 <= wait <= _LONGEST_WAIT else None
