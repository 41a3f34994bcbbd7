"""Cursors that nobody reads: a page's last image is remembered by values, which some may not see.

They are sealed by a secret of the service's own, which lies in its folder of state, so that a page
goes on after a restart. The same cursor is always sealed alike (the synthetic IV of RFC 5297, by
BLAKE2b in the place of AES): its tag is a keyed hash of all that it says, and the stream that hides
that is made from the tag. So what was altered anywhere opens as something of another tag.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from vitrail.indexer.errors import InputError
from vitrail.indexer.files.durability import replacing

FILE = "cursors.key"
_KEY, _TAG, _BLOCK = 32, 16, 64  # bytes


class CursorSeal:
    """Seals cursors, and opens what it has sealed.

    Args:
        key: 32 secret bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def in_folder(cls, state: Path) -> CursorSeal:
        """The seal of a service; where it cannot be kept, it holds as long as the service runs."""
        path = state / FILE
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            key = b""
        except OSError:  # unreadable now is not damaged
            return cls(secrets.token_bytes(_KEY))
        if len(key) == _KEY:
            return cls(key)
        key = secrets.token_bytes(_KEY)
        with suppress(OSError), replacing(str(path)) as beside:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(handle, "wb") as file:
                file.write(key)
        return cls(key)

    def seal(self, cursor: str) -> str:
        """A cursor as it is told: nothing of it can be read, or altered."""
        said = cursor.encode()
        tag = self._tag(said)
        return base64.urlsafe_b64encode(tag + self._hidden(tag, said)).decode().rstrip("=")

    def open(self, text: str) -> str:
        """The cursor that was sealed.

        Raises:
            InputError: it is none of this service's, or was altered.
        """
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            data = b""
        tag, hidden = data[:_TAG], data[_TAG:]
        said = self._hidden(tag, hidden)
        if not hmac.compare_digest(tag, self._tag(said)):
            raise InputError(
                f"{text[:60]!r} is no cursor that this service gave for a list",
                remedy="take the whole of the page's `next`, or begin without one",
            )
        return said.decode()

    def _tag(self, said: bytes) -> bytes:
        return hashlib.blake2b(said, digest_size=_TAG, key=self._key, person=b"tag").digest()

    def _hidden(self, tag: bytes, said: bytes) -> bytes:
        """A text under the stream of its tag; the same again uncovers it."""
        stream = b"".join(
            hashlib.blake2b(
                tag + number.to_bytes(4, "big"), key=self._key, person=b"stream"
            ).digest()
            for number in range(-(-len(said) // _BLOCK))
        )
        return bytes(one ^ other for one, other in zip(said, stream, strict=False))


async def _seal(request: Request) -> CursorSeal:
    seal: CursorSeal = request.app.state.seal
    return seal


SealedBy = Annotated[CursorSeal, Depends(_seal)]
"""What seals the cursors of the service that a request came to."""
