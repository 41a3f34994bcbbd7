"""What a request may do, told by its method and address alone, before anything of it is read."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal


class KeyScope(IntEnum):
    """What a key allows; a wider one allows what a narrower does."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    @property
    def word(self) -> Word:
        """As people write it."""
        return _WORDS[self]


Word = Literal["read", "write", "admin"]
_WORDS: dict[KeyScope, Word] = {
    KeyScope.READ: "read",
    KeyScope.WRITE: "write",
    KeyScope.ADMIN: "admin",
}
SCOPES: dict[str, KeyScope] = {word: scope for scope, word in _WORDS.items()}
"""Word -> scope."""
_SAFE = ("GET", "HEAD", "OPTIONS")
# asked with a body for its length alone: nothing of the collection changes
_READS = ("/v1/search", "/v1/facets", "/v1/uploads")
_ADMIN = ("/v1/index", "/v1/trash")
# what tells nothing of any collection, or is the way to be let in
_OPEN = ("/v1/livez", "/v1/readyz", "/v1/session", "/v1/openapi.json")


def needed(method: str, path: str) -> KeyScope | None:
    """The scope that a request needs; ``None`` where anybody may ask.

    What is not named here is read by a read key and changed by a write key, so that an address
    that is added cannot be open by oversight.

    Args:
        method: of HTTP.
        path: the address below the service's own root.
    """
    if not (path == "/v1" or path.startswith("/v1/")) or _below(path, _OPEN):
        return None  # the page itself, without any image
    if _below(path, _ADMIN):
        return KeyScope.ADMIN
    return KeyScope.READ if method in _SAFE or _below(path, _READS) else KeyScope.WRITE


def _below(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)
