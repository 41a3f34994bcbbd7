"""The keys that hold now, followed as their file changes, and the sessions of browsers."""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

from vitrail.service.http.security.keys import FILE, Key, UnusableKeysError, find_key, read_keys
from vitrail.service.http.security.rates import Rates

FAILURES = "20/minute"
"""How often an address may show what is no key."""
SECONDS = 1.0  # after which a key that was made or revoked elsewhere is seen at the latest
LASTS = timedelta(hours=12)
"""How long a browser's session lasts; it ends with the server, too."""
_MOST_SESSIONS = 1_000

_log = logging.getLogger("vitrail.service")


@dataclass(frozen=True, slots=True)
class _Session:
    key: str
    ends: datetime


class KeyRing:
    """Whom the service knows; a context manager that follows the file of keys.

    While the file cannot be trusted nobody is known.

    Args:
        state: folder of the service.
        clock: the time.

    Attributes:
        failures: how often an address has shown what is no key.
    """

    def __init__(
        self, state: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._state, self._clock = state, clock
        self._keys: dict[str, Key] = {}
        self._sessions: dict[str, _Session] = {}
        self.failures = Rates(FAILURES)
        self._seen: tuple[int, ...] | None = ()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._following = threading.Thread(target=self._follow, name="keys", daemon=True)
        self.refresh()

    def __enter__(self) -> KeyRing:
        self._following.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._following.join()

    def __len__(self) -> int:
        """How many keys hold."""
        now = self._clock()
        return sum(key.holds(now) for key in self._keys.values())

    def refresh(self) -> None:
        """Read the file of keys where it is another than before."""
        seen = self._look()
        if seen == self._seen:
            return
        try:
            self._keys = read_keys(self._state)
        except UnusableKeysError as error:
            _log.error("no key is taken: %s", error)
            self._keys = {}
        self._seen = seen

    def find(self, text: str) -> Key | None:
        """The key that a text is, if it holds."""
        return find_key(self._keys, text, self._clock())

    def holds(self, id_: str | None) -> bool:
        """Whether the key of an id still holds; who was let in without one needs none."""
        key = None if id_ is None else self._keys.get(id_)
        return id_ is None or (key is not None and key.holds(self._clock()))

    def begin_session(self, key: Key) -> str:
        """What a browser says instead of its key from now on."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            held = {t: s for t, s in self._sessions.items() if s.ends > now}
            while len(held) >= _MOST_SESSIONS:
                del held[next(iter(held))]  # the oldest
            held[_hashed(token)] = _Session(key.id, now + LASTS)
            self._sessions = held
        return token

    def find_session(self, token: str) -> Key | None:
        """The key by which a session was begun, if both still hold."""
        session, now = self._sessions.get(_hashed(token)), self._clock()
        if session is None or session.ends <= now:
            return None
        key = self._keys.get(session.key)
        return key if key is not None and key.holds(now) else None

    def end_session(self, token: str) -> None:
        """Forget a session; harmless where there is none."""
        with self._lock:
            ended = _hashed(token)
            self._sessions = {t: s for t, s in self._sessions.items() if t != ended}

    def _look(self) -> tuple[int, ...] | None:
        try:
            found = (self._state / FILE).stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode

    def _follow(self) -> None:
        while not self._closing.wait(SECONDS):
            self.refresh()


def _hashed(token: str) -> str:
    # looked up by its hash, so that the time that takes tells nothing of the token
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
